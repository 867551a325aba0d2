{{/* Name of everything that the chart makes; 52 characters leave room for what is added behind it. */}}
{{- define "clipveil.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Labels that every pod of the release has; they can't change over a release's life. */}}
{{- define "clipveil.releaseLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
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

{{/* Parts that reach the object store, as a JSON list. */}}
{{- define "clipveil.storeParts" -}}
["worker", "eraser", "sweep"]
{{- end -}}

{{/* Parts of the release that are switched on, as a JSON list. */}}
{{- define "clipveil.parts" -}}
{{- $parts := list "worker" -}}
{{- if .Values.eraser.enabled -}}{{- $parts = append $parts "eraser" -}}{{- end -}}
{{- if .Values.auditor.enabled -}}{{- $parts = append $parts "auditor" -}}{{- end -}}
{{- if .Values.sweep.enabled -}}{{- $parts = append $parts "sweep" -}}{{- end -}}
{{- if .Values.topicsJob.enabled -}}{{- $parts = append $parts "topics" -}}{{- end -}}
{{- $parts | toJson -}}
{{- end -}}

{{/*
One part of the release. Takes a dict with root and part, and adds to it: name, config and secrets (the chart's, under
the part's own), kafka, store (whether it reaches the object store), hook (whether it is made before everything else, as
the topics' Job is).
*/}}
{{- define "clipveil.part" -}}
{{- $values := .root.Values -}}
{{- $own := get (dict "worker" dict "eraser" $values.eraser "auditor" $values.auditor "sweep" $values.sweep "topics" $values.topicsJob) .part -}}
{{- $fullname := include "clipveil.fullname" .root -}}
{{- $_ := set . "name" (ternary $fullname (printf "%s-%s" $fullname .part) (eq .part "worker")) -}}
{{- $_ := set . "own" $own -}}
{{- $_ := set . "hook" (eq .part "topics") -}}
{{- $_ := set . "store" (has .part (include "clipveil.storeParts" . | fromJsonArray)) -}}
{{- $_ := set . "config" (mustMergeOverwrite (deepCopy $values.config) (deepCopy ($own.config | default dict))) -}}
{{- $secrets := mustMergeOverwrite (deepCopy $values.secrets) (deepCopy ($own.secrets | default dict)) -}}
{{- range $key := list "signingKey" "publicKeys" -}}
{{- $_ := set $secrets $key (get $own $key | default (dict "existingSecret" "")) -}}
{{- end -}}
{{- $_ := set . "secrets" $secrets -}}
{{- $_ := set . "kafka" .config.kafka -}}
{{- end -}}

{{/* Labels that the pods of a part are selected by. */}}
{{- define "clipveil.selectorLabels" -}}
{{ include "clipveil.releaseLabels" .root }}
app.kubernetes.io/component: {{ .part }}
{{- end -}}

{{- define "clipveil.labels" -}}
{{ include "clipveil.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* Metadata of an object of a part. What the topics' Job needs comes before it, and goes when it has succeeded. */}}
{{- define "clipveil.metadata" -}}
name: {{ .name }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "clipveil.labels" . | nindent 2 }}
{{- if or .hook .annotations }}
annotations:
  {{- if .hook }}
  helm.sh/hook: pre-install,pre-upgrade
  helm.sh/hook-weight: {{ .weight | default "-5" | quote }}
  helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
  {{- end }}
  {{- with .annotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* Longer than a drain and the transaction that it may be waiting for, so that SIGKILL never decides an outcome. */}}
{{- define "clipveil.graceSeconds" -}}
{{- add (ceil .config.worker.drain_seconds_max) (ceil .kafka.transaction_timeout_s) 30 -}}
{{- end -}}

{{/* Bytes of a quantity of Kubernetes. */}}
{{- define "clipveil.bytes" -}}
{{- $units := dict "" 1 "k" 1000 "M" 1000000 "G" 1000000000 "T" 1000000000000 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 -}}
{{- $quantity := toString . -}}
{{- $unit := regexFind "[A-Za-z]*$" $quantity -}}
{{- mulf (float64 (trimSuffix $unit $quantity)) (float64 (get $units $unit)) | int64 -}}
{{- end -}}
