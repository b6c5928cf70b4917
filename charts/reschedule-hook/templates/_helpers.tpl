{{- /* What Helm's users look for. Selectors have none of it. */ -}}
{{- define "reschedule-hook.labels" -}}
helm.sh/chart: {{ printf "%s-%s" $.Chart.Name $.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ $.Release.Name }}
app.kubernetes.io/version: {{ $.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $.Release.Service }}
{{- end }}

{{- define "reschedule-hook.image" -}}
{{- with $.Values.image -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{ end -}}
{{- end -}}
{{- end }}

{{- /* The annotations that the hook writes on pods, as the inside of a list of texts. */ -}}
{{- define "reschedule-hook.marks" -}}
{{- $settings := $.Values.settings -}}
{{- $builtIn := dict "couchbase" "cao.couchbase.com/reschedule" "strimzi-kafka" "strimzi.io/manual-rolling-update" "strimzi-connect" "strimzi.io/manual-rolling-update" "tidb-v1-tikv" "tidb.pingcap.com/evict-leader" "tidb-v1-pd" "tidb.pingcap.com/pd-transfer-leader" "tidb-v1-tidb" "tidb.pingcap.com/tidb-graceful-shutdown" "aerospike" "aerospike.com/eviction-blocked" "arangodb" "deployment.arangodb.com/rotate" "arangodb-replace" "deployment.arangodb.com/replace" "vitess-tablet" "drain.planetscale.com/started" "slurm-nodeset" "nodeset.slinky.slurm.net/pod-cordon" "es-operator" "operator.zalando.org/draining" -}}
{{- $marks := $.Values.marks | default list -}}
{{- range splitList "," (index $settings "PROFILES" | default "" | toString) -}}
{{- with get $builtIn (trim .) }}{{ $marks = append $marks . }}{{ end -}}
{{- end -}}
{{- if not $marks -}}
{{- $marks = list (index $settings "RESCHEDULE_ANNOTATION_KEY" | default "cao.couchbase.com/reschedule") -}}
{{- end -}}
{{- $marks | uniq | join "', '" -}}
{{- end }}
