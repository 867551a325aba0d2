{{/* Volume of models that are not built in. */}}
{{- define "clipveil.modelVolume" -}}
{{- with .Values.models -}}
{{- if .existingClaim -}}
- name: models
  persistentVolumeClaim: {claimName: {{ .existingClaim }}, readOnly: true}
{{- else if .image -}}
- name: models
  image: {reference: {{ .image | quote }}, pullPolicy: {{ $.Values.image.pullPolicy }}}
{{- else if .fetch.image -}}
- name: models
  # On the node's disk: models are no secret, and nothing of a clip comes here.
  emptyDir: {sizeLimit: {{ .fetch.sizeLimit }}}
- name: fetch-tmp
  # Not the worker's, which is its home: whatever the image leaves behind there, nobody reads.
  emptyDir: {medium: Memory, sizeLimit: {{ $.Values.tmpSize }}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The first fills the volume, the second compares what came with the fingerprints in the settings. */}}
{{- define "clipveil.modelContainers" -}}
{{- $fetch := .root.Values.models.fetch -}}
- name: fetch-models
  image: {{ $fetch.image | quote }}
  imagePullPolicy: {{ .root.Values.image.pullPolicy }}
  {{- with $fetch.command }}
  command:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $fetch.env }}
  env:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  resources: {requests: {cpu: 100m, memory: 256Mi}, limits: {memory: 256Mi}}
  {{- include "clipveil.confined" . | nindent 2 }}
  volumeMounts:
    - {name: models, mountPath: /models}
    - {name: fetch-tmp, mountPath: /tmp}
- name: check-models
  {{- include "clipveil.container" . | nindent 2 }}
  args: [config, check, --config, /etc/clipveil/config/settings.yaml]
  resources: {requests: {cpu: 100m, memory: 1Gi}, limits: {memory: 1Gi}}
  volumeMounts:
    {{- include "clipveil.mounts" . | nindent 4 }}
    - {name: models, mountPath: /models, readOnly: true}
{{- end -}}
