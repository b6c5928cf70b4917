export interface User {
  readonly username: string;
  readonly groups: readonly string[];
}
