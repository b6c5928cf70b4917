# shellcheck shell=bash
# Read by install.sh and uninstall.sh, with $file, $namespace, and the arrays $kubectl and $hook set.

label=app.kubernetes.io/name=reschedule-hook

# The cluster-scoped objects of $file that are there and belong to somebody else, one a line. An object is of this
# installation if it has the hook's label and names no other namespace.
of_others() {
  local all object name others other
  # One object alone is no list.
  all=$("${kubectl[@]}" get -f "$file" --ignore-not-found --output 'go-template={{define "one"}}
{{- with .metadata}}{{if and .name (not .namespace)}}{{$.kind}}/{{.name}}|
{{- with .labels}}{{index . "app.kubernetes.io/name"}}| {{with index . "reschedule.hook/namespace"}}{{.}} {{end}}{{else}}|{{end}}
{{- range $.subjects}}{{with .namespace}}{{.}} {{end}}{{end}}
{{- with $.spec}}{{range .rules}}{{range .subjects}}{{with .serviceAccount}}{{.namespace}} {{end}}{{end}}{{end}}{{end}}{{"\n"}}
{{- end}}{{end}}{{end}}
{{- if .items}}{{range .items}}{{template "one" .}}{{end}}{{else}}{{template "one" .}}{{end}}') || return 1
  while IFS='|' read -r object name others; do
    # The Namespace may have been made before.
    [ -n "$object" ] && [ "${object%%/*}" != Namespace ] || continue
    [ "$name" = reschedule-hook ] || echo "$object, which has no label $label"
    for other in $others; do
      [ "$other" = "$namespace" ] || echo "$object, of the installation in namespace $other"
    done
  done <<<"$all"
}

# Ends the script $1, before anything is changed, if there are such objects.
refuse_others() {
  local found
  found=$(of_others) || exit 1
  [ -n "$found" ] || return 0
  printf '%s: nothing was changed, because there are objects of somebody else with names of this installation:\n%s\n' \
    "$1" "$found" >&2
  exit 1
}

# The registrations that lead to the hook in $namespace, also by the name that the version before gave it.
own_registrations() {
  "${kubectl[@]}" get validatingwebhookconfigurations --selector "$label" --output 'jsonpath={range .items[*]}{.metadata.name} {.metadata.labels.reschedule\.hook/namespace} {.webhooks[*].clientConfig.service.namespace}{"\n"}{end}' |
    while read -r name places; do
      [[ " $places " != *" $namespace "* ]] || echo "$name"
    done
}

is_filled() {
  [ -n "$("${kubectl[@]}" get validatingwebhookconfigurations --selector "$label,reschedule.hook/namespace=$namespace" \
    --output 'jsonpath={.items[*].webhooks[*].name}')" ]
}

# Replicas that are on their way out answer on for some seconds, and need their rights.
until_ended() {
  local ending
  for _ in $(seq 60); do
    ending=$("${hook[@]}" get pods --selector "$label" \
      --output 'jsonpath={.items[?(@.metadata.deletionTimestamp)].metadata.name}')
    [ -n "$ending" ] || return 0
    sleep 1
  done
  echo "these replicas have not ended after a minute (is their node dead?), and lose their rights: $ending" >&2
}

# Deletes what the version before called by other names, if it is of this installation. The reference has some of these
# names, too.
delete_old_names() {
  local object found
  found=$(own_registrations | grep -xF reschedule-hook || true)
  [ -z "$found" ] || "${kubectl[@]}" delete --ignore-not-found validatingwebhookconfiguration reschedule-hook
  for object in clusterrolebinding/reschedule-hook-crb clusterrolebinding/reschedule-hook-registration-crb; do
    found=$("${kubectl[@]}" get "$object" --ignore-not-found \
      --output 'jsonpath={.metadata.labels.app\.kubernetes\.io/name} {.subjects[*].namespace}')
    [ "$found" = "reschedule-hook $namespace" ] || continue
    until_ended
    object=${object#*/}
    "${kubectl[@]}" delete --ignore-not-found "clusterrolebinding/$object" "clusterrole/${object%b}"
  done
  found=$("${kubectl[@]}" get flowschema reschedule-hook --ignore-not-found \
    --output 'jsonpath={.spec.rules[*].subjects[*].serviceAccount.namespace}')
  [ "$found" != "$namespace" ] || "${kubectl[@]}" delete flowschema reschedule-hook
}
