#!/bin/sh
# Makes a serving certificate for CERTIFICATES=files, where neither the hook itself nor cert-manager is to make it.
set -eu

namespace=reschedule-hook-system
service=reschedule-hook-server
secret=reschedule-hook-tls
days=365
kubectl=${KUBECTL:-kubectl}

usage() {
  cat <<USAGE
Usage: scripts/generate-certs.sh [options]

Makes a certificate authority and a serving certificate for the Service of the reschedule hook, and puts both into a
Secret of type kubernetes.io/tls, which is replaced where it exists. The hook puts the authority into its registration, and
serves the new certificate once the API server knows it: no eviction fails. The key of the authority is thrown away. Run it
again before the certificate ends.

  -n, --namespace NAME     of the Service and the Secret ($namespace)
  -s, --service NAME       by which the API server calls the hook ($service)
      --secret NAME        that the hook mounts ($secret)
  -d, --days N             until the certificate ends ($days)
  -h, --help               this text

It uses openssl and kubectl with its current context; KUBECTL names another kubectl.
USAGE
}

fail() {
  echo "generate-certs: $*" >&2
  exit 1
}

while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) usage; exit 0 ;;
    -n | --namespace | -s | --service | --secret | -d | --days)
      [ $# -gt 1 ] || { echo "generate-certs: $1 needs a value; see --help" >&2; exit 2; }
      case $1 in
        -n | --namespace) namespace=$2 ;;
        -s | --service) service=$2 ;;
        --secret) secret=$2 ;;
        -d | --days) days=$2 ;;
      esac
      shift 2 ;;
    *) echo "generate-certs: unknown argument $1; see --help" >&2; exit 2 ;;
  esac
done

for name in "$namespace" "$service" "$secret"; do
  case $name in
    '' | *[!a-z0-9.-]*) fail "\"$name\" is not a name" ;;
  esac
done
case $days in
  '' | 0* | *[!0-9]*) fail "--days is \"$days\"; it must be a number of days" ;;
esac

command -v openssl >/dev/null 2>&1 || fail "openssl is not installed"
command -v "$kubectl" >/dev/null 2>&1 || fail "$kubectl is not installed; KUBECTL can name another"
"$kubectl" get namespace "$namespace" -o name >/dev/null ||
  fail "cannot find namespace $namespace in the cluster of the current context; apply the manifests first"
umask 077
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' HUP INT TERM

host=$service.$namespace
cat >"$dir/openssl.cnf" <<CONF
[req]
prompt = no
distinguished_name = dn
[dn]
CN = \${ENV::COMMON_NAME}
[ca]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[serving]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:$host.svc, DNS:$host.svc.cluster.local, DNS:$host, DNS:$service
authorityKeyIdentifier = keyid
CONF

# Chatter of openssl is of interest only where it fails.
run_openssl() {
  openssl "$@" 2>"$dir/openssl.log" || { cat "$dir/openssl.log" >&2; fail "openssl $1 failed"; }
}
COMMON_NAME="reschedule-hook generated $(date -u +%Y-%m-%dT%H:%M:%SZ)"
export COMMON_NAME
for key in ca tls; do
  run_openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:named_curve -out "$dir/$key.key"
done
run_openssl req -x509 -new -sha256 -key "$dir/ca.key" -config "$dir/openssl.cnf" -extensions ca -days "$days" \
  -out "$dir/ca.crt"
COMMON_NAME=reschedule-hook-server
run_openssl req -new -sha256 -key "$dir/tls.key" -config "$dir/openssl.cnf" -out "$dir/tls.csr"
run_openssl x509 -req -sha256 -in "$dir/tls.csr" -CA "$dir/ca.crt" -CAkey "$dir/ca.key" -days "$days" \
  -set_serial "0x5$(openssl rand -hex 8)" -extfile "$dir/openssl.cnf" -extensions serving -out "$dir/tls.crt"

# Applied by the server: kubectl's own apply would keep a copy of the key in an annotation.
"$kubectl" create secret generic "$secret" -n "$namespace" --type=kubernetes.io/tls --dry-run=client -o yaml \
  --from-file="$dir/tls.crt" --from-file="$dir/tls.key" --from-file="$dir/ca.crt" |
  "$kubectl" apply --server-side --force-conflicts --field-manager=generate-certs -f -
echo "certificate for $host.svc in the Secret $namespace/$secret, $(openssl x509 -noout -enddate -in "$dir/tls.crt")"
