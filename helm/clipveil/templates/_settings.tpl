{{/*
Every secret that a part reads from a file: under which name in `secrets`, which of the Secret's keys (empty: the one
that the values name), what the file is called, which setting names it, and which parts have it. Every part speaks to
the brokers.
*/}}
{{- define "clipveil.secretFiles" -}}
- {secret: keyRing, key: "", file: ring.yaml, section: tokens, setting: ring_file, parts: [worker, eraser]}
- {secret: tokenKey, key: "", file: token-key, section: tokens, setting: key_file, parts: [worker, eraser]}
- {secret: saslPassword, key: "", file: sasl-password, section: kafka, setting: sasl_password_file, parts: [worker, eraser, auditor, sweep, topics]}
- {secret: brokerCa, key: "", file: broker-ca.crt, section: kafka, setting: ssl_ca_file, parts: [worker, eraser, auditor, sweep, topics]}
- {secret: clientCertificate, key: tls.crt, file: client.crt, section: kafka, setting: ssl_certificate_file, parts: [worker, eraser, auditor, sweep, topics]}
- {secret: clientCertificate, key: tls.key, file: client.key, section: kafka, setting: ssl_key_file, parts: [worker, eraser, auditor, sweep, topics]}
- {secret: kafkaToken, key: "", file: kafka-token, section: kafka, setting: oauth_token_file, parts: [worker, eraser, auditor, sweep, topics]}
- {secret: oauthClientSecret, key: "", file: oauth-client-secret, section: kafka, setting: oauth_client_secret_file, parts: [worker, eraser, auditor, sweep, topics]}
- {secret: oauthCa, key: "", file: oauth-ca.crt, section: kafka, setting: oauth_ca_file, parts: [worker, eraser, auditor, sweep, topics]}
- {secret: objectsSecretKey, key: "", file: objects-secret-key, section: objects, setting: secret_access_key_file, parts: [worker, eraser, sweep]}
- {secret: objectsCa, key: "", file: objects-ca.crt, section: objects, setting: ca_file, parts: [worker, eraser, sweep]}
- {secret: registryCa, key: "", file: registry-ca.crt, section: registry, setting: ca_file, parts: [worker, eraser, auditor, sweep]}
- {secret: signingKey, key: "", file: signing-key.pem, section: erasing, setting: signing_key_file, parts: [eraser]}
- {secret: signingKey, key: "", file: signing-key.pem, section: audit, setting: signing_key_file, parts: [auditor]}
- {secret: publicKeys, key: "", file: public-keys.pem, section: audit, setting: public_key_file, parts: [auditor]}
{{- end -}}

{{/* Those of them that this part mounts, as a JSON list. */}}
{{- define "clipveil.mountedFiles" -}}
{{- $mounted := list -}}
{{- range include "clipveil.secretFiles" . | fromYamlArray -}}
{{- $from := get $.secrets .secret -}}
{{- if and (has $.part .parts) (or $from.existingSecret $from.audience) -}}
{{- $mounted = append $mounted (merge (dict "from" $from.existingSecret "item" (.key | default $from.key) "audience" $from.audience) .) -}}
{{- end -}}
{{- end -}}
{{- $mounted | toJson -}}
{{- end -}}

{{/* Settings file of a part: the values as they stand without what the part has no use for, and its secret files. */}}
{{- define "clipveil.settings" -}}
{{- $unused := dict "worker" (list "erasing" "audit")
  "eraser" (list "engine" "memory" "speakers" "names" "recogniser" "policy" "sampling" "anonymity" "consent" "audit")
  "auditor" (list "engine" "memory" "speakers" "names" "recogniser" "policy" "sampling" "anonymity" "consent" "erasing" "tokens" "worker" "objects")
  "sweep" (list "engine" "memory" "speakers" "names" "recogniser" "policy" "sampling" "anonymity" "consent" "erasing" "audit" "tokens" "worker" "http")
  "topics" (list "engine" "memory" "speakers" "names" "recogniser" "policy" "sampling" "anonymity" "consent" "erasing" "audit" "tokens" "worker" "registry" "http" "objects") -}}
{{- $settings := deepCopy .config -}}
{{- range get $unused .part -}}{{- $settings = omit $settings . -}}{{- end -}}
{{- range include "clipveil.mountedFiles" . | fromJsonArray -}}
{{- $section := merge (dict .setting (printf "/etc/clipveil/secrets/%s" .file)) (get $settings .section | default dict) -}}
{{- $_ := set $settings .section $section -}}
{{- end -}}
{{- if eq .part "auditor" -}}
{{- $_ := set $settings "audit" (merge (dict "heads_file" "/var/lib/clipveil/heads.jsonl") $settings.audit) -}}
{{- end -}}
{{- if and .root.Values.gpu.enabled (eq .part "worker") -}}
{{- $_ := set $settings "speakers" (merge (dict "device" "cuda") ($settings.speakers | default dict)) -}}
{{- end -}}
{{- toYaml $settings -}}
{{- end -}}
