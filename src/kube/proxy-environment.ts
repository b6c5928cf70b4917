import { BlockList, isIP } from 'node:net';
import { domainToASCII } from 'node:url';

/** The proxy variables of the environment that apply to an https server. `proxyFor` reads them. */
export interface ProxyEnvironment {
  readonly httpsProxy?: string;
  readonly noProxy?: string;
}

/**
 * Reads HTTPS_PROXY and NO_PROXY. As in Go, upper case takes precedence over lower case, and an empty variable counts
 * as not set.
 */
export function readProxyEnvironment(env: Readonly<Record<string, string | undefined>>): ProxyEnvironment {
  const read = (name: string) => env[name] || env[name.toLowerCase()];
  const httpsProxy = read('HTTPS_PROXY');
  const noProxy = read('NO_PROXY');
  return { ...(httpsProxy ? { httpsProxy } : {}), ...(noProxy ? { noProxy } : {}) };
}

/**
 * The URL of the proxy for that API server; absent if the hook connects directly. It decides as client-go does
 * (https://pkg.go.dev/golang.org/x/net/http/httpproxy#Config), so that the hook takes the same path as other clients.
 * One difference: an unreadable proxy is an Error here, while Go silently bypasses it.
 */
export function proxyFor(server: string, { httpsProxy, noProxy = '' }: ProxyEnvironment): string | undefined {
  if (httpsProxy === undefined || !URL.canParse(server)) return undefined;
  const { protocol, hostname, port } = new URL(server);
  const host = hostname.replace(/^\[|\]$/g, '');
  if (protocol !== 'https:' || isLocal(host) || isExcluded(host, port || '443', noProxy)) return undefined;
  return readProxy(httpsProxy);
}

function readProxy(value: string): string {
  const url = (value.includes('://') ? value : `http://${value}`).replace(/^socks5h:/i, 'socks5:');
  // The message leaves out the value, because it can contain a password.
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

function isExcluded(host: string, port: string, noProxy: string): boolean {
  const entries = noProxy.split(',').map((entry) => entry.trim().toLowerCase());
  return entries.some((entry) => entry === '*' || isInNetwork(host, entry) || matchesHost(host, port, entry));
}

/** A network such as 10.96.0.0/12, without a port. */
function isInNetwork(host: string, entry: string): boolean {
  const [, network = '', prefix] = /^([^/%]+)\/(\d+)$/.exec(entry) ?? [];
  const bits = Number(prefix);
  if (isIP(network) === 0 || isIP(network) !== isIP(host) || bits > (isIP(network) === 4 ? 32 : 128)) return false;
  const list = new BlockList();
  list.addSubnet(network, bits, familyOf(network));
  return list.check(host, familyOf(host));
}

/** An address or a domain, optionally with a port. As in Go, an address in brackets counts only with a port. */
function matchesHost(host: string, port: string, entry: string): boolean {
  const [, inBrackets, plain = entry, entryPort = ''] = /^(?:\[([^[\]]+)\]|([^:[\]]*)):([^:[\]]*)$/.exec(entry) ?? [];
  const name = inBrackets ?? plain;
  if (name === '' || (entryPort !== '' && entryPort !== port)) return false;
  return isIP(host) === 0 ? isInDomain(host, name) : isSameAddress(host, name);
}

function isSameAddress(host: string, address: string): boolean {
  if (isIP(address) !== isIP(host) || address.includes('%')) return false;
  const list = new BlockList();
  list.addAddress(address, familyOf(address));
  return list.check(host, familyOf(host));
}

/** `example.com` matches that name and its subdomains; `.example.com` and `*.example.com` match only the subdomains. */
function isInDomain(host: string, entry: string): boolean {
  const name = entry.replace(/^\*\./, '.');
  // The host comes from a URL, which has it in ASCII.
  const domain = /^[ -~]*$/.test(name) ? name : domainToASCII(name) || name;
  return domain.startsWith('.') ? host.endsWith(domain) : host === domain || host.endsWith(`.${domain}`);
}

const familyOf = (address: string) => (isIP(address) === 4 ? 'ipv4' : 'ipv6');
