/** The messages of the log, constant so that users can grep them. The variable parts are in the fields. */
export const LOG = {
  started: 'Reschedule hook server started',
  stopping: 'Reschedule hook server stopping',
  stopped: 'Reschedule hook server stopped',
  unknownSetting: 'Unknown setting',
  profileWarning: 'Profile with a warning',
  profilesChanged: 'Profiles changed',
  profilesRefused: 'Profiles not changed',
  misselected: 'Pod should not be selected',
  rival: 'Rival webhook is asked about evictions',
  synced: 'Cache synced',
  listed: 'Listed',
  watchInterrupted: 'Watch interrupted',
  kindMissing: 'Kind not installed',
  handlerFailed: 'Cache handler failed',
  permissionMissing: 'Permission missing',
  permissionsGranted: 'Permissions granted',
  permissionsUnknown: 'Permissions not checked',
  markRefused: 'Marks refused: the admission policy names another annotation',
  marked: 'Pod marked for rescheduling',
  released: 'Drain released',
  waiting: 'Pod waiting',
  allowed: 'Eviction allowed',
  refused: 'Eviction refused',
  doubt: 'Eviction refused in doubt',
  dryRun: 'Dry run answered',
  untracked: 'Pod marked without a tracking entry',
  pruned: 'Tracking entry pruned',
  rescheduled: 'Pod rescheduled',
  leftoverDeleted: 'Entries of an earlier namespace deleted',
  stalled: 'Pod stalled: its operator does not act',
  unstalled: 'Stalled pod is no longer waiting',
  reconcileFailed: 'Reconcile failed',
  eventFailed: 'Event not written',
  badRequest: 'Request refused',
  displaced: 'Connection displaced',
  certificateLoaded: 'Certificate loaded',
  certificateFailed: 'Certificate not reloaded',
  authorityCreated: 'Certificate authority created',
  authorityIntroduced: 'Next certificate authority introduced',
  authorityPromoted: 'Next certificate authority signs from now on',
  authorityRetired: 'Retired certificate authority removed',
  authorityAdopted: 'Authorities found in the registration kept for an overlap',
  bundleWritten: 'Registration given its caBundle',
  bundleCorrected: 'Registration given its caBundle again: somebody else had changed it',
  bundleInjected: 'Registration given its caBundle by somebody else, whom the hook does not race',
  authoritiesLeftOut: 'Authorities left out of the caBundle: somebody else had written too many',
  registrationFilled: 'Registration filled: the hook is asked from now on',
  registrationCorrected: 'Registration put right: somebody else had changed it',
  registrationContested: 'Registration changed while it was written: another webhook or policy alters it',
  registrationMissing: 'Registration not found: nobody asks the hook yet',
  installationMissing: 'Registration of this installation not found',
  installationFound: 'Registration of this installation found',
  certificateTrouble: 'Certificates not kept',
  clientCaLoaded: 'Client CA loaded',
  clientCaFailed: 'Client CA not reloaded',
  unexpected: 'Unexpected error',
} as const;

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** The logger as the modules use it: a constant message and fields. Never whole objects, never a secret. */
export interface Log {
  debug(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}
