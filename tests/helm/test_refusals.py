"""Wrong values are refused by Helm, before anything reaches the cluster, in words that name the value."""

from __future__ import annotations

import pytest

from tests.helm.chart import CHART, VARIANTS, RefusedByHelm, helm, manifests, render

SHA256 = "0" * 64
OAUTH = "config.kafka.security_protocol=SASL_SSL,config.kafka.sasl_mechanism=OAUTHBEARER"

WRONG: dict[str, tuple[str, list[str]]] = {
    # what is wrong: the values, what the error must name
    "unknown value": ("replcas=3", ["replcas", "not allowed"]),
    "unknown section": ("config.kafak.group=a", ["/config", "kafak", "not allowed"]),
    "unknown setting": ("config.kafka.bootstrap=a", ["/config/kafka", "bootstrap", "not allowed"]),
    "a password as a value": ("config.kafka.sasl_password=x", ["/config/kafka", "sasl_password", "not allowed"]),
    "a token key as a value": ("config.tokens.key=x", ["/config/tokens", "key", "not allowed"]),
    "text for a number": ("config.engine.processes=many", ["/config/engine/processes", "integer"]),
    "no process": ("config.engine.processes=0", ["/config/engine/processes", "minimum"]),
    "no drain": ("config.worker.drain_seconds_max=null", ["/config/worker", "drain_seconds_max"]),
    "unknown protocol": ("config.kafka.security_protocol=TLS", ["/config/kafka/security_protocol", "SASL_SSL"]),
    "unknown operating point": ("config.policy.operating_point=fast", ["operating_point", "'safe', 'throughput'"]),
    "unknown level": ("config.log.level=TRACE", ["/config/log/level", "'INFO'"]),
    "a password in an address": (
        "config.registry.url=https://u:p@r",
        ["/config/registry/url", "pattern"],
    ),
    "a privileged port": ("config.http.port=80", ["/config/http/port", "minimum", "1,024"]),
    "no key at all": ("secrets.keyRing.existingSecret=", ["exactly one of", "secrets.keyRing", "secrets.tokenKey"]),
    "a ring and a key": (
        "secrets.tokenKey.existingSecret=k",
        ["exactly one of", "secrets.keyRing", "secrets.tokenKey"],
    ),
    "a campaign beside a ring": ("config.tokens.campaign=a", ["config.tokens", "a key ring names its campaign"]),
    "a budget that blocks nodes": ("podDisruptionBudget.maxUnavailable=0", ["maxUnavailable", "minimum"]),
    "a digest that is none": ("image.digest=latest", ["/image/digest", "pattern"]),
    "a size that is none": ("tmpSize=big", ["/tmpSize", "pattern"]),
    "names that nobody resolves": ("networkPolicy.dnsPeers=null", ["/networkPolicy", "dnsPeers"]),
    "labels that selectors use": (r"podLabels.app\.kubernetes\.io/name=x", ["app.kubernetes.io/name"]),
    "SASL without a name": (
        "config.kafka.security_protocol=SASL_SSL,secrets.saslPassword.existingSecret=s",
        ["SASL_SSL needs config.kafka.sasl_username"],
    ),
    "SASL without a password": (
        "config.kafka.security_protocol=SASL_SSL,config.kafka.sasl_username=u",
        ["needs", "secrets.saslPassword.existingSecret"],
    ),
    "a password that nothing would use": ("secrets.saslPassword.existingSecret=s", ["secrets.saslPassword", "is SSL"]),
    "a certificate that nothing would use": (
        "config.kafka.security_protocol=PLAINTEXT,secrets.clientCertificate.existingSecret=s",
        ["secrets.clientCertificate", "is PLAINTEXT"],
    ),
    "a registry user without password": ("config.registry.username=u", ["secrets.registryPassword", "belong together"]),
    "a registry password without user": (
        "secrets.registryPassword.existingSecret=s",
        ["config.registry.username", "belong together"],
    ),
    "a model that is nowhere": (
        f"config.speakers.model=/models/a,config.speakers.sha256={SHA256}",
        ["config.speakers.model", "models.existingClaim"],
    ),
    "a model that is not on the volume": (
        f"config.speakers.model=/opt/a,config.speakers.sha256={SHA256},models.existingClaim=c",
        ["config.speakers.model", "/models/"],
    ),
    "a model that is not pinned": (
        "config.speakers.model=/models/a,models.existingClaim=c",
        ["config.speakers.sha256", "clipveil fingerprint"],
    ),
    "a names model that is not on the volume": (
        f"config.names.model=/opt/a,config.names.sha256={SHA256},models.existingClaim=c",
        ["config.names.model", "/models/"],
    ),
    "a names model that is not pinned": (
        "config.names.model=/models/a,models.existingClaim=c",
        ["config.names.sha256", "clipveil fingerprint"],
    ),
    "two sources of models": (
        f"models.existingClaim=c,models.image=r/m@sha256:{SHA256}",
        ["models", "at most one of existingClaim, image and fetch.image"],
    ),
    "a model image without a digest": ("models.image=r/m:latest", ["/models/image", "pattern"]),
    "a scrape that the policy keeps out": ("monitoring.scrape=podMonitor", ["networkPolicy.metricsPeers"]),
    "two scalers": ("autoscaling.by=both", ["/autoscaling/by", "'keda', 'hpa'"]),
    "fewer pods than the fewest": ("autoscaling.pods.max=1", ["autoscaling.pods.max", "autoscaling.pods.min"]),
    "a scaler that brokers don't know": (
        "autoscaling.by=keda,config.kafka.security_protocol=SASL_SSL,config.kafka.sasl_username=u,"
        "secrets.saslPassword.existingSecret=s",
        ["autoscaling.keda.authentication", "TriggerAuthentication"],
    ),
    "too little memory": ("config.engine.processes=4", ["resources.limits.memory 4Gi is too small", "4864Mi"]),
    "memory that /tmp eats up": ("tmpSize=3Gi", ["resources.limits.memory", "tmpSize"]),
    "no memory limit": ("resources.limits=null", ["/resources", "limits"]),
    "a GPU that is not asked for": ("config.speakers.device=cuda", ["config.speakers.device", "gpu.enabled"]),
    "topics made twice": (
        "topicsJob.enabled=true,config.topics.create=true",
        ["topicsJob.enabled", "config.topics.create"],
    ),
    "an eraser without a key": (
        "eraser.enabled=true,eraser.signingKey.existingSecret=",
        ["/eraser/signingKey/existingSecret", "minLength"],
    ),
    "an unknown setting of a part": ("eraser.config.kafka.user=a", ["/eraser/config/kafka", "user", "not allowed"]),
    "a secret that a part must not have": ("auditor.secrets.keyRing.existingSecret=a", ["/auditor/secrets", "keyRing"]),
    "an auditor who is the worker": (
        "auditor.enabled=true,config.kafka.security_protocol=SASL_SSL,config.kafka.sasl_username=u,"
        "secrets.saslPassword.existingSecret=s",
        ["auditor.config.kafka.sasl_username", "must not be the worker's"],
    ),
    "an auditor who is the eraser": (
        "auditor.enabled=true,eraser.enabled=true,config.kafka.security_protocol=SASL_SSL,"
        "config.kafka.sasl_username=u,secrets.saslPassword.existingSecret=s,"
        "auditor.config.kafka.sasl_username=other,eraser.config.kafka.sasl_username=other",
        ["auditor.config.kafka.sasl_username", "must not be the eraser's"],
    ),
    "an auditor with the eraser's certificate": (
        "auditor.enabled=true,eraser.enabled=true,secrets.clientCertificate.existingSecret=c,"
        "auditor.secrets.clientCertificate.existingSecret=d,eraser.secrets.clientCertificate.existingSecret=d",
        ["auditor.secrets.clientCertificate", "must not be the eraser's"],
    ),
    "an auditor with the eraser's signing key": (
        "auditor.enabled=true,eraser.enabled=true,auditor.signingKey.existingSecret=k,auditor.signingKey.key=pem,"
        "eraser.signingKey.existingSecret=k,eraser.signingKey.key=pem",
        ["auditor.signingKey", "must not be the eraser's"],
    ),
    "a key in the environment as a value": (
        "extraEnv[0].name=CLIPVEIL_TOKENS__KEY,extraEnv[0].value=x",
        ["/extraEnv/0"],
    ),
    "a password in a variable of another kind of letters": (
        "extraEnv[0].name=clipveil_kafka__sasl_password,extraEnv[0].value=x",
        ["/extraEnv/0"],
    ),
    "a store's secret for the models as a value": (
        "models.fetch.env[0].name=AWS_SECRET_ACCESS_KEY,models.fetch.env[0].value=x",
        ["/models/fetch/env/0"],
    ),
    "pods that AppArmor lets go": (
        r"podAnnotations.container\.apparmor\.security\.beta\.kubernetes\.io/clipveil=unconfined",
        ["invalid propertyName", "apparmor"],
    ),
    "settings that change and start nobody anew": (
        "podAnnotations.checksum/settings=x",
        ["invalid propertyName", "checksum/settings"],
    ),
    "a token for the cluster's own API": (
        "extraVolumes[0].name=a,extraVolumes[0].projected.sources[0].serviceAccountToken.path=token",
        ["/extraVolumes/0/projected/sources/0/serviceAccountToken", "audience"],
    ),
    "a disk in place of memory": (
        "extraVolumeMounts[0].name=a,extraVolumeMounts[0].mountPath=/tmp/cache",
        ["/extraVolumeMounts/0/mountPath"],
    ),
    "settings laid over the chart's": (
        "extraVolumeMounts[0].name=a,extraVolumeMounts[0].mountPath=/etc/clipveil/config",
        ["/extraVolumeMounts/0/mountPath"],
    ),
    "a mount by a way round": (
        "extraVolumeMounts[0].name=a,extraVolumeMounts[0].mountPath=/x/../tmp",
        ["/extraVolumeMounts/0/mountPath", "pattern"],
    ),
    "a token that nothing would use": ("secrets.kafkaToken.audience=a", ["secrets.kafkaToken", "OAUTHBEARER"]),
    "a client secret that nothing would use": (
        f"{OAUTH},secrets.kafkaToken.audience=a,secrets.oauthClientSecret.existingSecret=s",
        ["secrets.oauthClientSecret", "config.kafka.oauth_token_url"],
    ),
    "OAUTHBEARER without a token": (OAUTH, ["exactly one of", "secrets.kafkaToken", "config.kafka.oauth_token_url"]),
    "two kinds of tokens": (
        f"{OAUTH},secrets.kafkaToken.audience=a,secrets.kafkaToken.existingSecret=s",
        ["exactly one of", "secrets.kafkaToken"],
    ),
    "a token endpoint without a secret": (
        f"{OAUTH},config.kafka.oauth_token_url=https://a/token,config.kafka.oauth_client_id=c",
        ["config.kafka.oauth_token_url needs", "secrets.oauthClientSecret.existingSecret"],
    ),
    "a token endpoint without a name": (
        f"{OAUTH},config.kafka.oauth_token_url=https://a/token,secrets.oauthClientSecret.existingSecret=s",
        ["config.kafka.oauth_token_url needs", "config.kafka.oauth_client_id"],
    ),
    "a token endpoint in the clear": ("config.kafka.oauth_token_url=http://a/t", ["oauth_token_url", "pattern"]),
    "a token in the clear": (
        "config.kafka.security_protocol=SASL_PLAINTEXT,config.kafka.sasl_mechanism=OAUTHBEARER,"
        "secrets.kafkaToken.audience=a",
        ["OAUTHBEARER needs SASL_SSL"],
    ),
    "a token for the cluster itself": (
        f"{OAUTH},secrets.kafkaToken.audience=https://kubernetes.default.svc",
        ["/secrets/kafkaToken/audience", "not"],
    ),
    "a password beside a token": (
        f"{OAUTH},secrets.kafkaToken.audience=a,secrets.saslPassword.existingSecret=s",
        ["secrets.saslPassword", "OAUTHBEARER"],
    ),
    "an auditor with the worker's client": (
        f"{OAUTH},config.kafka.oauth_token_url=https://a/token,config.kafka.oauth_client_id=c,"
        "secrets.oauthClientSecret.existingSecret=s,auditor.enabled=true",
        ["auditor.config.kafka.oauth_client_id", "must not be the worker's"],
    ),
    "an auditor with the worker's token": (
        f"{OAUTH},secrets.kafkaToken.existingSecret=s,auditor.enabled=true",
        ["auditor.secrets.kafkaToken", "must not be the worker's"],
    ),
    "a store's name without its secret": (
        "config.objects.access_key_id=a",
        ["config.objects.access_key_id", "secrets.objectsSecretKey", "belong together"],
    ),
    "a store's secret without a name": (
        "secrets.objectsSecretKey.existingSecret=s",
        ["config.objects.access_key_id", "belong together"],
    ),
    "a store's secret as a value": ("config.objects.secret_access_key=s", ["secret_access_key", "not allowed"]),
    "a sweep of nothing": ("sweep.enabled=true", ["sweep.enabled needs config.objects.output"]),
    "a sweep of what is new": ("sweep.schedule.olderThan=12h", ["/sweep/schedule/olderThan", "pattern"]),
    "a store's secret for the auditor": (
        "auditor.secrets.objectsSecretKey.existingSecret=a",
        ["/auditor/secrets", "objectsSecretKey", "not allowed"],
    ),
    "an auditor with the worker's certificate": (
        "auditor.enabled=true,secrets.clientCertificate.existingSecret=c",
        ["auditor.secrets.clientCertificate", "must not be the worker's"],
    ),
    "a way out without ports": ("networkPolicy.extraEgress[0].to=null", ["/networkPolicy/extraEgress/0", "ports"]),
    "a volume of the node": ("extraVolumes[0].name=a,extraVolumes[0].hostPath.path=/", ["hostPath", "not allowed"]),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_values_are_refused(wrong: str) -> None:
    """Helm renders nothing, and the error names the value and what it should be, in a few lines."""
    values, words = WRONG[wrong]
    with pytest.raises(RefusedByHelm) as refused:
        render("--set", values)
    text = str(refused.value)
    assert [] == [word for word in words if word not in text], text
    assert len(text) < 600


def test_image_volumes_need_a_cluster_that_has_them() -> None:
    """Where the cluster is too old for a model image, what to use in its place is named."""
    with pytest.raises(RefusedByHelm, match=r"models\.image needs Kubernetes 1\.33 .* models\.existingClaim"):
        render(*VARIANTS["model-image"], "--kube-version", "1.32.0")


def test_an_old_cluster_is_refused() -> None:
    """Kubernetes older than what the chart is tested with is refused."""
    with pytest.raises(RefusedByHelm, match=r"requires kubeVersion: >=1\.28"):
        render("--kube-version", "1.27.9")


@pytest.mark.parametrize(
    "values",
    [
        "config.policy.operating_point=throughput",
        "config.policy=null,config.log=null",  # whole sections, back to their defaults
        "global.region=eu",  # as part of another chart
        "replicas=0",
    ],
)
def test_right_values_pass(values: str) -> None:
    """What is right is not refused."""
    assert "Deployment" in manifests("--set", values)


def test_the_next_step_is_told() -> None:
    """After an install the notes name the Secret to make, the topics that must exist, and what is not protected."""
    notes = helm("install", "clipveil", CHART, "--dry-run=client", "--namespace", "voice").partition("NOTES:")[2]
    for words in (
        "clipveil-key-ring",
        "rollout status deployment/clipveil",
        "clipveil topics check",
    ):
        assert words in notes
    assert "WARNING" not in notes
    assert "Nobody scrapes the metrics" in notes
    stored = helm("install", "clipveil", CHART, "--dry-run=client", *VARIANTS["s3"]).partition("NOTES:")[2]
    assert "create job --from=cronjob/clipveil-sweep" in stored
    unswept = ["--dry-run=client", *VARIANTS["s3"], "--set", "sweep.enabled=false"]
    assert "sweep.enabled" in helm("install", "clipveil", CHART, *unswept).partition("NOTES:")[2]
    open_notes = helm("install", "x", CHART, "--dry-run=client", *VARIANTS["plaintext"]).partition("NOTES:")[2]
    assert "PLAINTEXT sends voices over the network in the clear" in open_notes
    assert "without a network policy" in open_notes
    clear = ["--dry-run=client", *VARIANTS["s3"], "--set", "config.objects.endpoint=http://minio:9000"]
    assert "voices go to the object store in the clear" in helm("install", "x", CHART, *clear)
