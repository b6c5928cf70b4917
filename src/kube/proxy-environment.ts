import { BlockList, isIP } from 'node:net';
import { domainToASCII } from 'node:url';

/** What the environment says of proxies for an https server; `proxyFor` reads it. */
export interface ProxyEnvironment {
  readonly httpsProxy?: string;
  readonly noProxy?: string;
}

/** HTTPS_PROXY and NO_PROXY. As in Go capitals go before small letters, and an empty one counts as not set. */
export function readProxyEnvironment(env: Readonly<Record<string, string | undefined>>): ProxyEnvironment {
  const read = (name: string) => env[name] || env[name.toLowerCase()];
  const httpsProxy = read('HTTPS_PROXY');
  const noProxy = read('NO_PROXY');
  return { ...(httpsProxy ? { httpsProxy } : {}), ...(noProxy ? { noProxy } : {}) };
}

/**
 * The URL of the proxy for that API server, absent where it is called directly: as client-go decides it
 * (https://pkg.go.dev/golang.org/x/net/http/httpproxy#Config), so that the hook goes the way of the other clients of its
 * cluster. One difference: a proxy that cannot be read is an Error here, while Go goes past it and says nothing.
 */
export function proxyFor(server: string, { httpsProxy, noProxy = '' }: ProxyEnvironment): string | undefined {
  if (httpsProxy === undefined || !URL.canParse(server)) return undefined;
  const { protocol, hostname, port } = new URL(server);
  const host = hostname.replace(/^\[|\]$/g, '');
  if (protocol !== 'https:' || isLocal(host) || isExcepted(host, port || '443', noProxy)) return undefined;
  return readProxy(httpsProxy);
}

function readProxy(value: string): string {
  const url = (value.includes('://') ? value : `http://${value}`).replace(/^socks5h:/i, 'socks5:');
  // Its value is not told, for it can hold a password.
  if (!/^(https?|socks5):/i.test(url) || !URL.canParse(url)) {
    throw new Error('HTTPS_PROXY is no URL of an http, https or socks5 proxy');
  }
  return url;
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

function isLocal(host: string): boolean {
  return host === 'localhost' || (isIP(host) !== 0 && LOOPBACK.check(host, familyOf(host)));
}

function isExcepted(host: string, port: string, noProxy: string): boolean {
  const entries = noProxy.split(',').map((entry) => entry.trim().toLowerCase());
  return entries.some((entry) => entry === '*' || isWithin(host, entry) || isMeant(host, port, entry));
}

/** A network such as 10.96.0.0/12; it has no port. */
function isWithin(host: string, entry: string): boolean {
  const [, network = '', prefix] = /^([^/%]+)\/(\d+)$/.exec(entry) ?? [];
  const bits = Number(prefix);
  if (isIP(network) === 0 || isIP(network) !== isIP(host) || bits > (isIP(network) === 4 ? 32 : 128)) return false;
  const list = new BlockList();
  list.addSubnet(network, bits, familyOf(network));
  return list.check(host, familyOf(host));
}

/** An address or a domain, maybe with a port. An address in brackets counts only with one, as in Go. */
function isMeant(host: string, port: string, entry: string): boolean {
  const [, inBrackets, plain = entry, itsPort = ''] = /^(?:\[([^[\]]+)\]|([^:[\]]*)):([^:[\]]*)$/.exec(entry) ?? [];
  const name = inBrackets ?? plain;
  if (name === '' || (itsPort !== '' && itsPort !== port)) return false;
  return isIP(host) === 0 ? isOfDomain(host, name) : isSameAddress(host, name);
}

function isSameAddress(host: string, address: string): boolean {
  if (isIP(address) !== isIP(host) || address.includes('%')) return false;
  const list = new BlockList();
  list.addAddress(address, familyOf(address));
  return list.check(host, familyOf(host));
}

/** example.com is that name and what is below it; .example.com and *.example.com are only what is below. */
function isOfDomain(host: string, entry: string): boolean {
  const name = entry.replace(/^\*\./, '.');
  // The host comes out of a URL, which has it in ASCII.
  const domain = /^[ -~]*$/.test(name) ? name : domainToASCII(name) || name;
  return domain.startsWith('.') ? host.endsWith(domain) : host === domain || host.endsWith(`.${domain}`);
}

const familyOf = (address: string) => (isIP(address) === 4 ? 'ipv4' : 'ipv6');
