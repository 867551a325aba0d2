{{/* Ports of the brokers, as a JSON list: those of bootstrap_servers (Kafka's default where none is named) and more. */}}
{{- define "clipveil.brokerPorts" -}}
{{- $ports := list -}}
{{- range splitList "," .kafka.bootstrap_servers -}}
{{- $ports = append $ports (regexFind ":[0-9]+$" (trim .) | trimPrefix ":" | default "9092" | int) -}}
{{- end -}}
{{- range .root.Values.networkPolicy.brokerPorts -}}
{{- $ports = append $ports (int .) -}}
{{- end -}}
{{- $ports | uniq | toJson -}}
{{- end -}}

{{- define "clipveil.registryPort" -}}
{{- $url := urlParse .config.registry.url -}}
{{- regexFind ":[0-9]+$" $url.host | trimPrefix ":" | default (ternary "443" "80" (eq $url.scheme "https")) -}}
{{- end -}}

{{/* Port of the token endpoint; empty where none is asked. */}}
{{- define "clipveil.tokenPort" -}}
{{- with .kafka.oauth_token_url -}}
{{- regexFind ":[0-9]+$" (urlParse .).host | trimPrefix ":" | default "443" -}}
{{- end -}}
{{- end -}}

{{/* Ports of the object store, as a JSON list: where config.objects names buckets, and more. */}}
{{- define "clipveil.storePorts" -}}
{{- $ports := list -}}
{{- $objects := .config.objects | default dict -}}
{{- range append ($objects.sources | default list) ($objects.output | default "") | compact -}}
{{- if not (hasPrefix "file:" .) -}}
{{- $url := urlParse ($objects.endpoint | default "https://store") -}}
{{- $ports = append $ports (regexFind ":[0-9]+$" $url.host | trimPrefix ":" | default (ternary "443" "80" (eq $url.scheme "https")) | int) -}}
{{- end -}}
{{- end -}}
{{- range .root.Values.networkPolicy.objectStorePorts -}}
{{- $ports = append $ports (int .) -}}
{{- end -}}
{{- $ports | uniq | toJson -}}
{{- end -}}

{{/* One rule to these ports, and to these peers alone where there are any. Takes a dict with ports and peers. */}}
{{- define "clipveil.wayOut" -}}
- ports:
    {{- range .ports }}
    - {protocol: TCP, port: {{ int . }}}
    {{- end }}
  {{- with .peers }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
