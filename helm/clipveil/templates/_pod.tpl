{{/* Metadata of a part's pods. Settings are read once, at the start: other settings need other pods. */}}
{{- define "clipveil.podMetadata" -}}
labels:
  {{- include "clipveil.selectorLabels" . | nindent 2 }}
  {{- with .root.Values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
annotations:
  checksum/settings: {{ include "clipveil.settings" . | sha256sum }}
  {{- with .root.Values.podAnnotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{/* What the pods of every part have in common: who they are, what they may, where they run. */}}
{{- define "clipveil.podBase" -}}
{{- $values := .root.Values -}}
serviceAccountName: {{ .name }}
automountServiceAccountToken: false
# Addresses of other services as CLIPVEIL_... variables would look like settings.
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- with $values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with $values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- $gpu := and $values.gpu.enabled (eq .part "worker") }}
{{- with ternary (merge (dict) $values.nodeSelector $values.gpu.nodeSelector) $values.nodeSelector $gpu }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if and $gpu $values.gpu.runtimeClassName }}
runtimeClassName: {{ $values.gpu.runtimeClassName }}
{{- end }}
{{- with $values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.topologySpread }}
topologySpreadConstraints:
  {{- range . }}
  - topologyKey: {{ .topologyKey }}
    maxSkew: {{ .maxSkew | int }}
    whenUnsatisfiable: {{ .whenUnsatisfiable }}
    labelSelector:
      matchLabels:
        {{- include "clipveil.selectorLabels" $ | nindent 8 }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* What every container may: nothing beside its own memory and what is mounted. */}}
{{- define "clipveil.confined" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  runAsNonRoot: true
  capabilities: {drop: [ALL]}
{{- end -}}

{{/* Image, rights and environment of clipveil's own containers. */}}
{{- define "clipveil.container" -}}
image: {{ include "clipveil.image" .root | quote }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
command: [clipveil]
{{ include "clipveil.confined" . }}
{{- $password := ternary "" .secrets.registryPassword.existingSecret (eq .part "topics") }}
{{- $extra := ternary .root.Values.extraEnv list .store }}
{{- if or $password $extra }}
env:
  {{- if $password }}
  - name: CLIPVEIL_REGISTRY__PASSWORD
    valueFrom:
      secretKeyRef: {name: {{ $password }}, key: {{ .secrets.registryPassword.key | quote }}}
  {{- end }}
  {{- with $extra }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* Probes of the parts that serve them, and their port. */}}
{{- define "clipveil.probes" -}}
ports:
  - {name: http, containerPort: {{ .config.http.port | int }}, protocol: TCP}
startupProbe:
  # Until the models are loaded and the brokers reached; both give up by themselves before this does.
  httpGet: {path: /livez, port: http}
  periodSeconds: 5
  failureThreshold: {{ div (add (ceil .config.engine.start_seconds_max) (ceil .kafka.connect_seconds_max) 60) 5 }}
livenessProbe:
  httpGet: {path: /livez, port: http}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: {path: /readyz, port: http}
  periodSeconds: 5
  timeoutSeconds: 5
{{- end -}}

{{- define "clipveil.mounts" -}}
- {name: config, mountPath: /etc/clipveil/config, readOnly: true}
{{- if include "clipveil.mountedFiles" . | fromJsonArray }}
- {name: secrets, mountPath: /etc/clipveil/secrets, readOnly: true}
{{- end }}
- {name: tmp, mountPath: /tmp}
{{- if and .root.Values.extraVolumeMounts .store }}
{{ toYaml .root.Values.extraVolumeMounts }}
{{- end }}
{{- end -}}

{{- define "clipveil.volumes" -}}
- name: config
  configMap:
    name: {{ .name }}
{{- with include "clipveil.mountedFiles" . | fromJsonArray }}
- name: secrets
  projected:
    defaultMode: 0440
    sources:
      {{- range . }}
      {{- if .audience }}
      # For these brokers alone; the kubelet asks for a new one before it ends.
      - serviceAccountToken: {audience: {{ .audience | quote }}, expirationSeconds: 3600, path: {{ .file }}}
      {{- else }}
      - secret:
          name: {{ .from }}
          items: [{key: {{ .item | quote }}, path: {{ .file }}}]
      {{- end }}
      {{- end }}
{{- end }}
- name: tmp
  # Memory: a file of a library that passes through here never reaches a disk.
  emptyDir: {medium: Memory, sizeLimit: {{ .root.Values.tmpSize }}}
{{- if and .root.Values.extraVolumes .store }}
{{ toYaml .root.Values.extraVolumes }}
{{- end }}
{{- end -}}
