{{/* Name of everything that the chart makes; 52 characters leave room for what the Deployment adds. */}}
{{- define "clipveil.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Labels that pods are selected by; they can't change over a release's life. */}}
{{- define "clipveil.selectorLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "clipveil.labels" -}}
{{ include "clipveil.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "clipveil.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{- printf "%s@%s" .repository .digest -}}
{{- else -}}
{{- printf "%s:%s" .repository (.tag | default $.Chart.AppVersion) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Settings file: the values as they stand, and where the Secrets are mounted. */}}
{{- define "clipveil.settings" -}}
{{- $secrets := .Values.secrets -}}
{{- $kafka := dict -}}
{{- $registry := dict -}}
{{- if $secrets.saslPassword.existingSecret -}}
{{- $_ := set $kafka "sasl_password_file" "/etc/clipveil/secrets/sasl-password" -}}
{{- end -}}
{{- if $secrets.brokerCa.existingSecret -}}
{{- $_ := set $kafka "ssl_ca_file" "/etc/clipveil/secrets/broker-ca.crt" -}}
{{- end -}}
{{- if $secrets.clientCertificate.existingSecret -}}
{{- $_ := set $kafka "ssl_certificate_file" "/etc/clipveil/secrets/client.crt" -}}
{{- $_ := set $kafka "ssl_key_file" "/etc/clipveil/secrets/client.key" -}}
{{- end -}}
{{- if $secrets.registryCa.existingSecret -}}
{{- $_ := set $registry "ca_file" "/etc/clipveil/secrets/registry-ca.crt" -}}
{{- end -}}
{{- $tokens := dict "key_file" "/etc/clipveil/secrets/token-key" -}}
{{- $mounted := dict "kafka" $kafka "registry" $registry "tokens" $tokens -}}
{{- toYaml (mustMergeOverwrite (deepCopy .Values.config) $mounted) -}}
{{- end -}}

{{/* Sources of the one volume that holds all secret files. */}}
{{- define "clipveil.secretSources" -}}
{{- with .Values.secrets -}}
- secret:
    name: {{ .tokenKey.existingSecret }}
    items: [{key: {{ .tokenKey.key | quote }}, path: token-key}]
{{- if .saslPassword.existingSecret }}
- secret:
    name: {{ .saslPassword.existingSecret }}
    items: [{key: {{ .saslPassword.key | quote }}, path: sasl-password}]
{{- end }}
{{- if .brokerCa.existingSecret }}
- secret:
    name: {{ .brokerCa.existingSecret }}
    items: [{key: {{ .brokerCa.key | quote }}, path: broker-ca.crt}]
{{- end }}
{{- if .clientCertificate.existingSecret }}
- secret:
    name: {{ .clientCertificate.existingSecret }}
    items: [{key: tls.crt, path: client.crt}, {key: tls.key, path: client.key}]
{{- end }}
{{- if .registryCa.existingSecret }}
- secret:
    name: {{ .registryCa.existingSecret }}
    items: [{key: {{ .registryCa.key | quote }}, path: registry-ca.crt}]
{{- end }}
{{- end -}}
{{- end -}}

{{/* Ports of the brokers, as a JSON list: those of bootstrap_servers (Kafka's default where none is named) and more. */}}
{{- define "clipveil.brokerPorts" -}}
{{- $ports := list -}}
{{- range splitList "," .Values.config.kafka.bootstrap_servers -}}
{{- $ports = append $ports (regexFind ":[0-9]+$" (trim .) | trimPrefix ":" | default "9092" | int) -}}
{{- end -}}
{{- range .Values.networkPolicy.brokerPorts -}}
{{- $ports = append $ports (int .) -}}
{{- end -}}
{{- $ports | uniq | toJson -}}
{{- end -}}

{{- define "clipveil.registryPort" -}}
{{- $url := urlParse .Values.config.registry.url -}}
{{- regexFind ":[0-9]+$" $url.host | trimPrefix ":" | default (ternary "443" "80" (eq $url.scheme "https")) -}}
{{- end -}}

{{/* Longer than a drain and the transaction that it may be waiting for, so that SIGKILL never decides an outcome. */}}
{{- define "clipveil.graceSeconds" -}}
{{- add (ceil .Values.config.worker.drain_seconds_max) (ceil .Values.config.kafka.transaction_timeout_s) 30 -}}
{{- end -}}
