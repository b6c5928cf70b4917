import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { issue } from '../../src/certificates/issuing.ts';
import { isTrusted } from '../../src/certificates/pem.ts';
import { selfSigned } from '../support/odd-certificates.ts';

const HOST = 'hook.db.svc';
const NOW = Date.parse('2030-01-01T00:00:00Z');
const validity = { notBefore: new Date('2026-01-01T00:00:00Z'), notAfter: new Date('2046-01-01T00:00:00Z') };

/** `openssl x509 -req -signkey` makes such an authority, and signs by it: it has no extensions, so version 1 is enough. */
const V1 = `-----BEGIN CERTIFICATE-----
MIIBEzCBuwIUdR5+mqFvEJoX76Ws1UcXK+WyxyEwCgYIKoZIzj0EAwIwDTELMAkG
A1UEAwwCdjEwHhcNMjYxMTI5MDUyMDU2WhcNNDYxMTI0MDUyMDU2WjANMQswCQYD
VQQDDAJ2MTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABJkuZvH4tFk/WJ7RKzGB
RI5q2Rnpudd0QcuXKM0Qo6aDHQqcFIq9hxjqzQl6Iit0l555m47Er8OupD0Iw2YF
0w4wCgYIKoZIzj0EAwIDRwAwRAIgIMLNs7bnjlSsPW2FSpyNdwQkNp/oob1Ra9DJ
I09EJ9QCIDXu5Zgy+/4VUzy2PlzC+pxIEmwKUxLDChabYxb77fBN
-----END CERTIFICATE-----
`;
const BY_V1 = `-----BEGIN CERTIFICATE-----
MIIBkjCCATigAwIBAgIUYN2Og61G/0dCLNv+Tl0haF30O/QwCgYIKoZIzj0EAwIw
DTELMAkGA1UEAwwCdjEwHhcNMjYxMTI5MDUyMDU3WhcNNDYxMTI0MDUyMDU3WjAW
MRQwEgYDVQQDDAtob29rLmRiLnN2YzBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IA
BFtGC2Yru/sZTygiicuRPQoiWknHRyq4e/WBsAzNKYOiiA50kMORLI8lYrNlHtdx
hBrxKIsBimS5ExOHQxUQOAyjbTBrMBYGA1UdEQQPMA2CC2hvb2suZGIuc3ZjMB0G
A1UdDgQWBBT6C6znEcJ4I6KgjzjzdXWcXw+4UjAyBgNVHSMEKzApoRGkDzANMQsw
CQYDVQQDDAJ2MYIUdR5+mqFvEJoX76Ws1UcXK+WyxyEwCgYIKoZIzj0EAwIDSAAw
RQIhAKuadmUrbTs0Y5vAxM290nEryEjxPb+42YUVoiivOxSGAiAPlxrngfgvXCrT
2ZzNDkrpoxW0kt9+8IteYqKVlLVvnQ==
-----END CERTIFICATE-----
`;

// What crypto/x509 of Go 1.26 says of each, with the bundle as its Roots and HOST as its DNSName.
describe('what an API server trusts', () => {
  for (const [what, options, expected] of [
    ['is no authority', { hosts: [HOST], isAuthority: false }, true],
    ['is an authority', { hosts: [HOST], isAuthority: true }, true],
    ['is for every name of the namespace', { hosts: ['*.db.svc'], isAuthority: false }, true],
    ['is for names that begin like it', { hosts: ['ho*.db.svc'], isAuthority: false }, false],
    ['is for another name', { hosts: ['other.db.svc'], isAuthority: false }, false],
    ['has its name as its subject alone', { isAuthority: false }, false],
    ['is for servers', { hosts: [HOST], isAuthority: false, usage: 'server' }, true],
    ['is for clients', { hosts: [HOST], isAuthority: false, usage: 'client' }, false],
  ] as const) {
    test(`a certificate in the bundle that ${what}: ${expected}`, async () => {
      const { cert } = await selfSigned(HOST, options);
      assert.equal(isTrusted(cert, cert, HOST, NOW), expected);
    });
  }

  for (const [what, authority, hosts, usage, expected] of [
    ['an authority', { isAuthority: true }, [HOST], 'server', true],
    ['one that is no authority', { isAuthority: false }, [HOST], 'server', false],
    ['an authority, for clients', { isAuthority: true }, [HOST], 'client', false],
    ['an authority, without alternative names', { isAuthority: true }, [], 'server', false],
    ['an authority for clients alone', { isAuthority: true, usage: 'client' }, [HOST], 'server', false],
  ] as const) {
    test(`one signed by ${what}: ${expected}`, async () => {
      const signing = await selfSigned('authority', authority);
      const { cert } = await issue(signing, { name: HOST, hosts, usage, ...validity });
      assert.equal(isTrusted(cert, signing.cert, HOST, NOW), expected);
    });
  }

  test('one signed by an authority of version 1, and itself in the bundle in the place of its authority', () => {
    assert.equal(isTrusted(BY_V1, V1, HOST, NOW), true);
    assert.equal(isTrusted(BY_V1, BY_V1, HOST, NOW), true);
    assert.equal(isTrusted(V1, BY_V1, HOST, NOW), false);
  });
});
