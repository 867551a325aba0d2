"""Changes to the chart that would take a safety line away, each with the check that must see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from tests.helm import test_hardening as hardening
from tests.helm import test_network as network
from tests.helm import test_parts as parts
from tests.helm import test_refusals as refusals
from tests.helm import test_rendering as rendering

POD, MODELS, SETTINGS, REFUSALS = (f"templates/_{name}.tpl" for name in ("pod", "models", "settings", "refusals"))
POLICY, NETWORK, ACCOUNT = "templates/networkpolicy.yaml", "templates/_network.tpl", "templates/serviceaccount.yaml"


@dataclass(frozen=True)
class Mutant:
    """In ``file`` every ``was`` becomes ``becomes``, and then ``check`` fails."""

    file: str
    was: str
    becomes: str
    check: Callable[[], None]


RESTRICTED = partial(hardening.test_pods_keep_the_restricted_standard, "model-fetch")
MEMORY = partial(hardening.test_only_memory_can_be_written, "default")
NO_API = partial(hardening.test_pods_have_no_way_into_the_kubernetes_api, "all-parts")
LIMITED = partial(hardening.test_every_container_has_its_limits, "default")
BROKERS_ALONE = partial(hardening.test_a_token_that_is_mounted_is_for_brokers_alone, "oauth-service-account")
OWN_PODS = partial(hardening.test_selectors_find_their_pods_and_no_others, "all-parts")
GRACE = partial(rendering.test_pods_are_killed_after_drain_and_transaction, 300, 900)

PODS = [
    Mutant(POD, "runAsNonRoot: true\n  runAsUser", "runAsUser", RESTRICTED),
    Mutant(POD, "runAsUser: 10001", "runAsUser: 0", RESTRICTED),
    Mutant(POD, "{type: RuntimeDefault}", "{type: Unconfined}", RESTRICTED),
    Mutant(POD, "enableServiceLinks: false", "hostNetwork: true", RESTRICTED),
    Mutant(POD, "allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true", RESTRICTED),
    Mutant(POD, "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false", RESTRICTED),
    Mutant(POD, "runAsNonRoot: true\n  capabilities", "capabilities", RESTRICTED),
    Mutant(POD, "{drop: [ALL]}", "{drop: [NET_RAW]}", RESTRICTED),
    Mutant(POD, '{{ include "clipveil.confined" . }}', "", RESTRICTED),
    Mutant(MODELS, '{{- include "clipveil.confined" . | nindent 2 }}', "", RESTRICTED),
    Mutant(POD, "{medium: Memory, sizeLimit", "{sizeLimit", MEMORY),
    Mutant(MODELS, "{name: fetch-tmp,", "{name: tmp,", hardening.test_who_fetches_models_leaves_nothing_but_models),
    Mutant(POD, "clipveil/config, readOnly: true", "clipveil/config", MEMORY),
    Mutant(POD, "clipveil/secrets, readOnly: true", "clipveil/secrets", MEMORY),
    Mutant(POD, "automountServiceAccountToken: false", "", NO_API),
    Mutant(ACCOUNT, "automountServiceAccountToken: false", "", NO_API),
    Mutant(POD, "serviceAccountName: {{ .name }}", "serviceAccountName: clipveil", NO_API),
    Mutant(POD, "expirationSeconds: 3600", "expirationSeconds: 864000", BROKERS_ALONE),
    Mutant(POD, "audience: {{ .audience | quote }}", "audience: api", BROKERS_ALONE),
    Mutant("templates/deployment.yaml", "toYaml $resources", 'toYaml (omit $resources "limits")', LIMITED),
    Mutant("templates/_helpers.tpl", "app.kubernetes.io/component: {{ .part }}", "a: b", OWN_PODS),
    Mutant("templates/_helpers.tpl", "(ceil .kafka.transaction_timeout_s)", "0", GRACE),
    Mutant(
        "templates/sweep.yaml", "concurrencyPolicy: Forbid", "concurrencyPolicy: Allow", parts.test_one_sweep_at_a_time
    ),
    Mutant("templates/sweep.yaml", "if .Values.sweep.schedule.delete", "if true", parts.test_one_sweep_at_a_time),
    Mutant(
        "templates/auditor.yaml",
        "whenDeleted: Retain",
        "whenDeleted: Delete",
        parts.test_heads_are_kept_and_signed_by_one,
    ),
    Mutant("templates/auditor.yaml", "replicas: 1", "replicas: 2", parts.test_heads_are_kept_and_signed_by_one),
    Mutant(ACCOUNT, "if $part.store", "if true", parts.test_only_who_reaches_the_store_is_known_to_it),
    Mutant(
        POD,
        "ternary .root.Values.extraEnv list .store",
        "ternary .root.Values.extraEnv list true",
        parts.test_only_who_reaches_the_store_is_known_to_it,
    ),
]
STORE = network.test_the_object_store_is_closed_until_it_is_named
NETWORKS = [
    Mutant(POLICY, "policyTypes: [Ingress, Egress]", "policyTypes: [Ingress]", network.test_default_deny),
    Mutant(POLICY, "ingress: []", "ingress: [{}]", network.test_default_deny),
    Mutant(POLICY, "  egress:\n", "  egress:\n    - {}\n", network.test_default_deny),
    Mutant(POLICY, "and $store $part.store", "$store", STORE),
    Mutant(POLICY, "$policy.objectStorePeers", "list", STORE),
    Mutant(
        POLICY,
        "ternary $policy.extraEgress list $part.store",
        "$policy.extraEgress",
        network.test_further_ways_are_for_those_who_have_traces_or_a_store,
    ),
    Mutant(POLICY, "$policy.brokerPeers", "list", network.test_narrowed_to_peers),
    Mutant(POLICY, "$policy.registryPeers", "list", network.test_narrowed_to_peers),
    Mutant(POLICY, "$policy.tokenPeers", "list", network.test_the_token_endpoint_is_open_to_all_who_need_tokens),
    Mutant(
        NETWORK,
        "- ports:\n    {{- range .ports }}",
        "- ports:\n    - {protocol: TCP, port: 22}\n    {{- range .ports }}",
        network.test_default_deny,
    ),
    Mutant(POLICY, '{{- if ne . "topics" }}', "{{- if true }}", network.test_each_part_has_the_ways_that_it_needs),
    Mutant(
        POLICY, '(has . (list "worker" "eraser" "auditor"))', "true", network.test_nobody_scrapes_what_serves_no_metrics
    ),
]


def _let_through(was: str, wrong: str, becomes: str = "if false") -> Mutant:
    """Without its condition a refusal does not refuse."""
    return Mutant(REFUSALS, was, becomes, partial(refusals.test_wrong_values_are_refused, wrong))


LET_THROUGH = [
    _let_through("if and $sasl (not $oauth) (not (and", "SASL without a password", "if and false (not (and"),
    _let_through("if and $secrets.saslPassword.existingSecret (or", "a password beside a token", "if and false (or"),
    _let_through(
        "if and (or $secrets.brokerCa", "a certificate that nothing would use", "if and false (or $secrets.brokerCa"
    ),
    _let_through(
        "if ne (not .config.registry.username)", "a registry user without password", "if and false (not .config)"
    ),
    _let_through("if or (and $sasl (not $oauth)", "an auditor who is the worker", "if and false (and $sasl"),
    _let_through(
        "if or (and $sasl (not $oauth)", "an auditor with the worker's certificate", "if and false (and $sasl"
    ),
    _let_through(
        "if and $oauth (or (and $kafka.oauth_client_id",
        "an auditor with the worker's client",
        "if and false (or (and $kafka.oauth_client_id",
    ),
    _let_through(
        "or (and $kafka.oauth_client_id (eq $kafka", "an auditor with the worker's client", "or (and false (eq $kafka"
    ),
    _let_through("(and $secrets.kafkaToken.existingSecret (eq", "an auditor with the worker's token", "(and false (eq"),
    _let_through("else if eq .kafka.sasl_username", "an auditor who is the eraser", "else if and false .kafka"),
    _let_through("if has $each $own", "an auditor with the eraser's certificate"),
    _let_through(
        "if eq (toJson .secrets.signingKey)",
        "an auditor with the eraser's signing key",
        "if and false (toJson .secrets)",
    ),
    _let_through('if ne .kafka.security_protocol "SASL_SSL"', "a token in the clear"),
    _let_through(
        "if ne (len (compact (list $token", "OAUTHBEARER without a token", "if and false (len (compact (list $token"
    ),
    _let_through("if and $url (not", "a token endpoint without a secret", "if and false (not"),
    _let_through("if and (not $url) (or", "a client secret that nothing would use", "if and false (or"),
    _let_through("if and .store (ne", "a store's name without its secret", "if and false (ne"),
    _let_through('if and (eq .part "sweep")', "a sweep of nothing", "if and false (eq .part)"),
    _let_through(
        "if eq (not .keyRing.existingSecret)", "a ring and a key", "if and false (not .keyRing.existingSecret)"
    ),
    _let_through("if and .keyRing.existingSecret $.Values", "a campaign beside a ring", "if and false $.Values"),
    _let_through("if gt (len", "two sources of models", "if and false (len"),
    _let_through('if not (and (hasPrefix "/models/" $model) $given)', "a model that is nowhere"),
    _let_through('if not (dig $section "sha256"', "a model that is not pinned", 'if and false (dig $section "sha256"'),
    _let_through("if lt $limit $needed", "too little memory"),
    _let_through(
        'if and (eq (dig "speakers" "device"',
        "a GPU that is not asked for",
        'if and false (eq (dig "speakers" "device"',
    ),
    _let_through('if and (ne .Values.monitoring.scrape "none")', "a scrape that the policy keeps out", "if and false"),
    _let_through("if and .Values.topicsJob.enabled", "topics made twice", "if and false"),
    _let_through("if lt (int .pods.max)", "fewer pods than the fewest", "if and false (int .pods.max)"),
    _let_through('if and (eq .by "keda")', "a scaler that brokers don't know", "if and false"),
]
MUTANTS = [*PODS, *NETWORKS, *LET_THROUGH]
