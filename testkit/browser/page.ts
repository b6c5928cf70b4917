export type Fields = Record<string, unknown>;
export interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly sessionId?: string;
  readonly params?: Fields;
  readonly result?: Fields;
  readonly error?: { readonly message: string };
}

/** The browser of a page. */
interface Browser {
  send(method: string, params?: Fields, sessionId?: string): Promise<Fields>;
  listen(listener: (message: Message) => void): void;
}

/** How a page is displayed. */
export interface View {
  readonly width: number;
  readonly height: number;
  readonly scheme?: 'light' | 'dark';
}

/** One page of a browser, as a user sees it. */
export class Page {
  /** The requested addresses, and the errors of the page since it was loaded. */
  readonly requests: string[] = [];
  readonly complaints: string[] = [];
  readonly #browser: Browser;
  readonly #session: string;
  #loaded = Promise.withResolvers<void>();

  constructor(browser: Browser, session: string) {
    this.#browser = browser;
    this.#session = session;
    browser.listen((message) => {
      if (message.sessionId === session) this.#onMessage(message);
    });
  }

  async load(url: string, view: View): Promise<void> {
    for (const domain of ['Page', 'Runtime', 'Network', 'Log']) await this.#send(`${domain}.enable`);
    await this.show(view);
    this.#loaded = Promise.withResolvers<void>();
    await this.#send('Page.navigate', { url });
    await this.#loaded.promise;
  }

  /** Changes the size or the colour scheme of the page. */
  async show({ width, height, scheme = 'light' }: View): Promise<void> {
    await this.#send('Emulation.setDeviceMetricsOverride', {
      width,
      height,
      deviceScaleFactor: 1,
      mobile: width < 600,
    });
    await this.#send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] });
  }

  /** Evaluates an expression in the page, and waits if it is a promise. Throws what it throws. */
  async evaluate<T>(expression: string): Promise<T> {
    const options = { expression, awaitPromise: true, returnByValue: true };
    const { result, exceptionDetails } = (await this.#send('Runtime.evaluate', options)) as {
      result: { value: T };
      exceptionDetails?: { text: string; exception?: { description?: string } };
    };
    if (exceptionDetails === undefined) return result.value;
    throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
  }

  /** Presses a key as a user would. */
  async press(key: string): Promise<void> {
    const code = KEYS[key];
    if (code === undefined) throw new Error(`no such key here: ${key}`);
    const text = key === 'Enter' ? '\r' : key === 'Space' ? ' ' : undefined;
    const down = { key: key === 'Space' ? ' ' : key, code: key, windowsVirtualKeyCode: code };
    await this.#send('Input.dispatchKeyEvent', {
      type: text ? 'keyDown' : 'rawKeyDown',
      ...down,
      ...(text ? { text } : {}),
    });
    await this.#send('Input.dispatchKeyEvent', { type: 'keyUp', ...down });
  }

  async type(text: string): Promise<void> {
    await this.#send('Input.insertText', { text });
  }

  /** Moves the pointer to a place of the window, and clicks there on request. */
  async point(x: number, y: number, { click = false } = {}): Promise<void> {
    await this.#send('Input.dispatchMouseEvent', { type: 'mouseMoved', x, y });
    if (!click) return;
    const button = { x, y, button: 'left', clickCount: 1 };
    await this.#send('Input.dispatchMouseEvent', { type: 'mousePressed', ...button });
    await this.#send('Input.dispatchMouseEvent', { type: 'mouseReleased', ...button });
  }

  /** A PNG of the window, or of the whole page. */
  async picture({ whole = false } = {}): Promise<Buffer> {
    const options = { format: 'png', captureBeyondViewport: whole };
    if (!whole) return picture(await this.#send('Page.captureScreenshot', options));
    const { cssContentSize } = (await this.#send('Page.getLayoutMetrics')) as {
      cssContentSize: { width: number; height: number };
    };
    const clip = { x: 0, y: 0, ...cssContentSize, scale: 1 };
    return picture(await this.#send('Page.captureScreenshot', { ...options, clip }));
  }

  /** A PDF of the page, as a browser prints it. */
  async print(): Promise<Buffer> {
    return picture(await this.#send('Page.printToPDF', { printBackground: true, preferCSSPageSize: true }));
  }

  /** Lays the page out as if for paper, in a window of that size. */
  async asPrinted(view: View): Promise<void> {
    await this.show(view);
    await this.#send('Emulation.setEmulatedMedia', { media: 'print' });
  }

  #send(method: string, params: Fields = {}): Promise<Fields> {
    return this.#browser.send(method, params, this.#session);
  }

  #onMessage({ method, params = {} }: Message): void {
    if (method === 'Page.loadEventFired') this.#loaded.resolve();
    if (method === 'Network.requestWillBeSent') this.requests.push((params.request as { url: string }).url);
    if (method === 'Log.entryAdded') this.complaints.push((params.entry as { text: string }).text);
    if (method === 'Runtime.exceptionThrown') this.complaints.push(JSON.stringify(params.exceptionDetails));
  }
}

const KEYS: Readonly<Record<string, number>> = {
  Tab: 9,
  Enter: 13,
  Escape: 27,
  Space: 32,
  Home: 36,
  End: 35,
  ArrowLeft: 37,
  ArrowUp: 38,
  ArrowRight: 39,
  ArrowDown: 40,
};

const picture = ({ data }: Fields) => Buffer.from(String(data), 'base64');
