{{/* Values that are each right but don't go together. Every refusal says what to change. */}}
{{- define "clipveil.refuse" -}}
{{- range include "clipveil.parts" . | fromJsonArray -}}
{{- $part := dict "root" $ "part" . -}}{{- include "clipveil.part" $part -}}
{{- include "clipveil.refuseConnection" $part -}}
{{- end -}}
{{- include "clipveil.refuseKeys" . -}}
{{- include "clipveil.refuseModels" . -}}
{{- include "clipveil.refuseResources" . -}}
{{- if and (ne .Values.monitoring.scrape "none") .Values.networkPolicy.enabled (not .Values.networkPolicy.metricsPeers) -}}
{{- fail (printf "monitoring.scrape %s needs networkPolicy.metricsPeers: without them the network policy keeps Prometheus out" .Values.monitoring.scrape) -}}
{{- end -}}
{{- if and .Values.topicsJob.enabled .Values.config.topics.create -}}
{{- fail "topicsJob.enabled and config.topics.create both make topics: use the Job, and leave config.topics.create false" -}}
{{- end -}}
{{- end -}}

{{/* How one part reaches the brokers and the registry. Secrets of all parts are the chart's, under their own. */}}
{{- define "clipveil.refuseConnection" -}}
{{- $secrets := .secrets -}}
{{- $kafka := .kafka -}}
{{- $of := ternary "" (printf " of the %s" .part) (eq .part "worker") -}}
{{- $sasl := hasPrefix "SASL" $kafka.security_protocol -}}
{{- $tls := hasSuffix "SSL" $kafka.security_protocol -}}
{{- $oauth := and $sasl (eq ($kafka.sasl_mechanism | default "") "OAUTHBEARER") -}}
{{- include "clipveil.refuseTokens" (dict "kafka" $kafka "secrets" $secrets "of" $of "oauth" $oauth) -}}
{{- if and $sasl (not $oauth) (not (and $kafka.sasl_username $secrets.saslPassword.existingSecret)) -}}
{{- fail (printf "config.kafka.security_protocol %s needs config.kafka.sasl_username and secrets.saslPassword.existingSecret%s" $kafka.security_protocol $of) -}}
{{- end -}}
{{- if and $secrets.saslPassword.existingSecret (or $oauth (not $sasl)) -}}
{{- fail (printf "secrets.saslPassword%s is given, but config.kafka.security_protocol is %s%s: SASL_SSL with a password would use it" $of $kafka.security_protocol (ternary " with OAUTHBEARER" "" $oauth)) -}}
{{- end -}}
{{- if and (or $secrets.brokerCa.existingSecret $secrets.clientCertificate.existingSecret) (not $tls) -}}
{{- fail (printf "secrets.brokerCa or secrets.clientCertificate%s is given, but config.kafka.security_protocol is %s: SSL or SASL_SSL would use it" $of $kafka.security_protocol) -}}
{{- end -}}
{{- if ne (not .config.registry.username) (not $secrets.registryPassword.existingSecret) -}}
{{- fail (printf "config.registry.username and secrets.registryPassword.existingSecret%s belong together" $of) -}}
{{- end -}}
{{- if and .store (ne (not (dig "access_key_id" "" (.config.objects | default dict))) (not $secrets.objectsSecretKey.existingSecret)) -}}
{{- fail (printf "config.objects.access_key_id and secrets.objectsSecretKey.existingSecret%s belong together" $of) -}}
{{- end -}}
{{- if and (eq .part "sweep") (not (dig "output" "" (.config.objects | default dict))) -}}
{{- fail "sweep.enabled needs config.objects.output: it looks for what lies there" -}}
{{- end -}}
{{- if eq .part "auditor" -}}
{{- $worker := .root.Values -}}
{{- if and $oauth (or (and $kafka.oauth_client_id (eq $kafka.oauth_client_id ($worker.config.kafka.oauth_client_id | default ""))) (and $secrets.kafkaToken.existingSecret (eq (toJson $secrets.kafkaToken) (toJson $worker.secrets.kafkaToken)))) -}}
{{- fail "auditor.config.kafka.oauth_client_id (or auditor.secrets.kafkaToken) must not be the worker's: who signs the audit must not be able to write it" -}}
{{- end -}}
{{- if or (and $sasl (not $oauth) (eq $kafka.sasl_username ($worker.config.kafka.sasl_username | default ""))) (and (not $sasl) $secrets.clientCertificate.existingSecret (eq $secrets.clientCertificate.existingSecret $worker.secrets.clientCertificate.existingSecret)) -}}
{{- fail "auditor.config.kafka.sasl_username (or auditor.secrets.clientCertificate) must not be the worker's: who signs the audit must not be able to write it" -}}
{{- end -}}
{{- include "clipveil.refuseEraserAsAuditor" . -}}
{{- end -}}
{{- end -}}

{{/* The eraser writes two of the three audits. Takes the auditor's part. */}}
{{- define "clipveil.refuseEraserAsAuditor" -}}
{{- $eraser := dict "root" .root "part" "eraser" -}}{{- include "clipveil.part" $eraser -}}
{{- if .root.Values.eraser.enabled -}}
{{- if eq (toJson .secrets.signingKey) (toJson $eraser.secrets.signingKey) -}}
{{- fail "auditor.signingKey must not be the eraser's: who writes an audit must not be able to sign it" -}}
{{- end -}}
{{- if or (not (hasPrefix "SASL" .kafka.security_protocol)) (eq (.kafka.sasl_mechanism | default "") "OAUTHBEARER") -}}
{{- $own := list .secrets.clientCertificate.existingSecret .secrets.kafkaToken.existingSecret .kafka.oauth_client_id | compact -}}
{{- range $each := list $eraser.secrets.clientCertificate.existingSecret $eraser.secrets.kafkaToken.existingSecret $eraser.kafka.oauth_client_id | compact -}}
{{- if has $each $own -}}
{{- fail "auditor.secrets.clientCertificate, kafkaToken or auditor.config.kafka.oauth_client_id must not be the eraser's: who signs the audit must not be able to write it" -}}
{{- end -}}
{{- end -}}
{{- else if eq .kafka.sasl_username ($eraser.kafka.sasl_username | default "") -}}
{{- fail "auditor.config.kafka.sasl_username must not be the eraser's: who signs the audit must not be able to write it" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Tokens for the brokers. Takes a dict with kafka, secrets, of, and oauth: whether a token is what they ask for. */}}
{{- define "clipveil.refuseTokens" -}}
{{- $token := .secrets.kafkaToken -}}
{{- $url := .kafka.oauth_token_url -}}
{{- if and (or $token.existingSecret $token.audience $url .secrets.oauthClientSecret.existingSecret .secrets.oauthCa.existingSecret) (not .oauth) -}}
{{- fail (printf "secrets.kafkaToken, oauthClientSecret or oauthCa, or config.kafka.oauth_token_url%s is given, but nothing uses it: set config.kafka.security_protocol SASL_SSL and sasl_mechanism OAUTHBEARER" .of) -}}
{{- end -}}
{{- if .oauth -}}
{{- if ne .kafka.security_protocol "SASL_SSL" -}}
{{- fail (printf "config.kafka.security_protocol %s%s: OAUTHBEARER needs SASL_SSL, whoever sees a token can use it" .kafka.security_protocol .of) -}}
{{- end -}}
{{- if ne (len (compact (list $token.existingSecret $token.audience $url))) 1 -}}
{{- fail (printf "config.kafka.sasl_mechanism OAUTHBEARER%s needs exactly one of secrets.kafkaToken.existingSecret, secrets.kafkaToken.audience and config.kafka.oauth_token_url" .of) -}}
{{- end -}}
{{- if and $url (not (and .kafka.oauth_client_id .secrets.oauthClientSecret.existingSecret)) -}}
{{- fail (printf "config.kafka.oauth_token_url%s needs config.kafka.oauth_client_id and secrets.oauthClientSecret.existingSecret" .of) -}}
{{- end -}}
{{- if and (not $url) (or .secrets.oauthClientSecret.existingSecret .secrets.oauthCa.existingSecret) -}}
{{- fail (printf "secrets.oauthClientSecret or oauthCa%s is given, but nothing uses it: config.kafka.oauth_token_url would" .of) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "clipveil.refuseKeys" -}}
{{- with .Values.secrets -}}
{{- if eq (not .keyRing.existingSecret) (not .tokenKey.existingSecret) -}}
{{- fail "give exactly one of secrets.keyRing.existingSecret (a ring, docs/privacy.md) and secrets.tokenKey.existingSecret (a single key)" -}}
{{- end -}}
{{- if and .keyRing.existingSecret $.Values.config.tokens -}}
{{- fail "config.tokens is for secrets.tokenKey: a key ring names its campaign, scope and epochs itself" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "clipveil.refuseModels" -}}
{{- with .Values.models -}}
{{- if gt (len (compact (list .existingClaim .image .fetch.image))) 1 -}}
{{- fail "models: give at most one of existingClaim, image and fetch.image" -}}
{{- end -}}
{{- if and .image (semverCompare "<1.33-0" $.Capabilities.KubeVersion.Version) -}}
{{- fail "models.image needs Kubernetes 1.33 or newer with ImageVolume: use models.existingClaim or models.fetch" -}}
{{- end -}}
{{- end -}}
{{- $given := or .Values.models.existingClaim .Values.models.image .Values.models.fetch.image -}}
{{- range $section := list "speakers" "names" -}}
{{- $model := dig $section "model" "builtin" $.Values.config -}}
{{- if ne $model "builtin" -}}
{{- if not (and (hasPrefix "/models/" $model) $given) -}}
{{- fail (printf "config.%s.model must be builtin, or a folder under /models/ together with models.existingClaim, image or fetch" $section) -}}
{{- end -}}
{{- if not (dig $section "sha256" "" $.Values.config) -}}
{{- fail (printf "config.%s.sha256 is needed with a model of your own; `clipveil fingerprint DIRECTORY` prints it" $section) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "clipveil.refuseResources" -}}
{{- $limit := include "clipveil.bytes" .Values.resources.limits.memory | int64 -}}
{{- $tmp := include "clipveil.bytes" .Values.tmpSize | int64 -}}
{{- $processes := add .Values.config.engine.processes (ternary 1 0 .Values.gpu.enabled) -}}
{{- $needed := add $tmp 536870912 (mul $processes 1073741824) -}}
{{- if lt $limit $needed -}}
{{- fail (printf "resources.limits.memory %v is too small: tmpSize, half a GiB, and 1 GiB for each of %d processes need %dMi" .Values.resources.limits.memory $processes (div $needed 1048576)) -}}
{{- end -}}
{{- if and (eq (dig "speakers" "device" "cpu" .Values.config) "cuda") (not .Values.gpu.enabled) -}}
{{- fail "config.speakers.device cuda needs gpu.enabled, which asks for the GPU and sets the device by itself" -}}
{{- end -}}
{{- with .Values.autoscaling -}}
{{- if lt (int .pods.max) (int .pods.min) -}}
{{- fail "autoscaling.pods.max must be at least autoscaling.pods.min" -}}
{{- end -}}
{{- if and (eq .by "keda") (hasPrefix "SASL" $.Values.config.kafka.security_protocol) (not .keda.authentication) -}}
{{- fail "autoscaling.by keda needs autoscaling.keda.authentication: a TriggerAuthentication with the user and password for the brokers" -}}
{{- end -}}
{{- end -}}
{{- end -}}
