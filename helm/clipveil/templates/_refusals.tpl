{{/* Values that are each right but don't go together. Every refusal says what to change. */}}
{{- define "clipveil.refuse" -}}
{{- $secrets := .Values.secrets -}}
{{- $kafka := .Values.config.kafka -}}
{{- $sasl := hasPrefix "SASL" $kafka.security_protocol -}}
{{- $tls := hasSuffix "SSL" $kafka.security_protocol -}}
{{- if and $sasl (not (and $kafka.sasl_username $secrets.saslPassword.existingSecret)) -}}
{{- fail (printf "config.kafka.security_protocol %s needs config.kafka.sasl_username and secrets.saslPassword.existingSecret" $kafka.security_protocol) -}}
{{- end -}}
{{- if and $secrets.saslPassword.existingSecret (not $sasl) -}}
{{- fail (printf "secrets.saslPassword is given, but config.kafka.security_protocol is %s: SASL_SSL would use it" $kafka.security_protocol) -}}
{{- end -}}
{{- if and (or $secrets.brokerCa.existingSecret $secrets.clientCertificate.existingSecret) (not $tls) -}}
{{- fail (printf "secrets.brokerCa or secrets.clientCertificate is given, but config.kafka.security_protocol is %s: SSL or SASL_SSL would use it" $kafka.security_protocol) -}}
{{- end -}}
{{- if ne (not .Values.config.registry.username) (not $secrets.registryPassword.existingSecret) -}}
{{- fail "config.registry.username and secrets.registryPassword.existingSecret belong together" -}}
{{- end -}}
{{- range $section := list "speakers" "names" -}}
{{- $model := dig $section "model" "builtin" $.Values.config -}}
{{- if ne $model "builtin" -}}
{{- if not (and (hasPrefix "/models/" $model) $.Values.models.existingClaim) -}}
{{- fail (printf "config.%s.model must be builtin, or a folder under /models/ together with models.existingClaim" $section) -}}
{{- end -}}
{{- if not (dig $section "sha256" "" $.Values.config) -}}
{{- fail (printf "config.%s.sha256 is needed with a model of your own; `clipveil fingerprint DIRECTORY` prints it" $section) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and .Values.podMonitor.enabled .Values.networkPolicy.enabled (not .Values.networkPolicy.metricsPeers) -}}
{{- fail "podMonitor.enabled needs networkPolicy.metricsPeers: without them the network policy keeps Prometheus out" -}}
{{- end -}}
{{- end -}}
