#!/bin/bash
# Makes this host the head of a gensweep cluster. Rendered by infra/boot: change it there.
set -euo pipefail
exec > >(tee -a /var/log/gensweep-boot.log | { logger -t gensweep-boot || cat >/dev/null; }) 2>&1
# An instance that cannot start is replaced; a head leaves some time to look at it.
trap 'echo "gensweep: start-up failed at line $LINENO; powering off in 300 s" | tee /dev/kmsg; sleep 300; systemctl poweroff' ERR

put() { install -D -m 0644 /dev/stdin "$1"; }

put /etc/gensweep/node.env <<'END_OF_FILE'
GENSWEEP_ROLE=head
AWS_DEFAULT_REGION='eu-central-1'
AWS_METADATA_SERVICE_NUM_ATTEMPTS='5'
AWS_METADATA_SERVICE_TIMEOUT='5'
AWS_REGION='eu-central-1'
GENSWEEP_BUNDLE='s3://lab-artifacts/bundle/gensweep-bundle.tar.gz'
GENSWEEP_BUNDLE_SHA256='0000000000000000000000000000000000000000000000000000000000000000'
GENSWEEP_CLUSTER='lab'
GENSWEEP_HEAD='head.lab.internal'
GENSWEEP_LOG_GROUP='/gensweep/lab/hosts'
GENSWEEP_MLFLOW_SECRET='arn:aws:secretsmanager:eu-central-1:123456789012:secret:lab/mlflow'
GENSWEEP_NAME='head.lab.internal'
GENSWEEP_STORE='s3://lab-artifacts/sweeps'
GENSWEEP_TOKEN_SECRET='arn:aws:secretsmanager:eu-central-1:123456789012:secret:lab/ray-token'
GENSWEEP_VOLUME='vol-0123456789abcdef0'
GENSWEEP_ZONE_ID='Z123'
MLFLOW_TRACKING_URI='http://tracking.lab.internal:5000'
RAY_AUTH_MODE='token'
RAY_AUTH_TOKEN_PATH='/run/gensweep/auth_token'
END_OF_FILE
put /etc/gensweep/cluster.yaml <<'END_OF_FILE'
cluster_name: lab
max_workers: 2
END_OF_FILE
put /etc/systemd/system/gensweep-drainer.service <<'END_OF_FILE'
[Unit]
Description=gensweep: drain the nodes that AWS is about to take away
Requires=gensweep-prepare.service
After=gensweep-ray.service
StartLimitIntervalSec=0

[Service]
User=gensweep
EnvironmentFile=/etc/gensweep/node.env
ExecStart=/opt/gensweep/venv/bin/python -m gensweep.cluster.drainer
Restart=always
RestartSec=5
NoNewPrivileges=yes
ProtectSystem=full
ProtectHome=yes

[Install]
WantedBy=multi-user.target
END_OF_FILE
put /etc/systemd/system/gensweep-logs.service <<'END_OF_FILE'
[Unit]
Description=gensweep: keep the logs of this host in CloudWatch
Requires=gensweep-prepare.service
After=gensweep-prepare.service

[Service]
Type=oneshot
EnvironmentFile=/etc/gensweep/node.env
ExecStart=/opt/gensweep/venv/bin/python -m gensweep.cluster.node logs
END_OF_FILE
put /etc/systemd/system/gensweep-logs.timer <<'END_OF_FILE'
[Unit]
Description=gensweep: keep the logs of this host in CloudWatch, each five minutes

[Timer]
OnActiveSec=2min
OnUnitActiveSec=5min

[Install]
WantedBy=timers.target
END_OF_FILE
put /etc/systemd/system/gensweep-prepare.service <<'END_OF_FILE'
[Unit]
Description=gensweep: secrets, data volume and name of this host
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
RemainAfterExit=yes
EnvironmentFile=/etc/gensweep/node.env
ExecStart=/opt/gensweep/venv/bin/python -m gensweep.cluster.node prepare
# Stopped after all others: the last lines of their logs are kept too.
ExecStopPost=-/opt/gensweep/venv/bin/python -m gensweep.cluster.node logs
TimeoutStartSec=infinity

[Install]
WantedBy=multi-user.target
END_OF_FILE
put /etc/systemd/system/gensweep-ray.service <<'END_OF_FILE'
[Unit]
Description=gensweep: Ray head
Requires=gensweep-prepare.service
After=gensweep-prepare.service
StartLimitIntervalSec=0

[Service]
User=gensweep
WorkingDirectory=/opt/gensweep/bundle
EnvironmentFile=/etc/gensweep/node.env
Environment=PATH=/opt/gensweep/venv/bin:/usr/local/bin:/usr/bin:/bin
ExecStart=/opt/gensweep/venv/bin/python -m gensweep.cluster.node ray
Restart=always
RestartSec=5
# Ray drains its node first, and packs save their lanes.
KillMode=mixed
TimeoutStopSec=110
LimitNOFILE=65536
# EFA and NCCL pin memory.
LimitMEMLOCK=infinity
NoNewPrivileges=yes
ProtectHome=yes

[Install]
WantedBy=multi-user.target
END_OF_FILE
put /etc/systemd/system/gensweep-resumer.service <<'END_OF_FILE'
[Unit]
Description=gensweep: go on with sweeps whose jobs died
Requires=gensweep-prepare.service
After=gensweep-ray.service
StartLimitIntervalSec=0

[Service]
User=gensweep
EnvironmentFile=/etc/gensweep/node.env
ExecStart=/opt/gensweep/venv/bin/python -m gensweep.cluster.node resumer
Restart=always
RestartSec=5
NoNewPrivileges=yes
ProtectSystem=full
ProtectHome=yes

[Install]
WantedBy=multi-user.target
END_OF_FILE

set -a
. /etc/gensweep/node.env
set +a
VENV=/opt/gensweep/venv BUNDLE=/opt/gensweep/bundle
export TMPDIR=/var/tmp # where /tmp is memory, PyTorch would fill it
retry() { for pause in 5 15 45 0; do "$@" && return; sleep "$pause"; done; return 1; }

# An image that has the environment already (see infra/README.md) boots without PyPI.
# A data volume outlives its image: its owner has the same number in each.
id gensweep >/dev/null 2>&1 || {
  groupadd --gid 7373 gensweep
  useradd --uid 7373 --gid 7373 --create-home --home-dir /var/lib/gensweep --shell /usr/sbin/nologin gensweep
}
if [ ! -x "$VENV/bin/python" ]; then
  if command -v apt-get >/dev/null; then # Debian 12, Ubuntu 24.04
    export DEBIAN_FRONTEND=noninteractive PYTHON=python3
    retry apt-get update -q
    retry apt-get install -y -q python3-venv
  else # Amazon Linux 2023
    PYTHON=python3.12
    retry dnf install -y -q python3.12 python3.12-pip
  fi
  "$PYTHON" -m venv "$VENV"
fi
"$VENV/bin/python" -c 'import boto3' 2>/dev/null || retry "$VENV/bin/pip" install -q boto3

rm -rf "$BUNDLE" && mkdir -p "$BUNDLE"
cat >/run/gensweep-fetch.py <<'END_OF_FILE'
import os, shutil, sys
source, target = os.environ["GENSWEEP_BUNDLE"], sys.argv[1]
if source.startswith("s3://"):
    import boto3
    bucket, _, key = source.removeprefix("s3://").partition("/")
    version = os.environ.get("GENSWEEP_BUNDLE_VERSION")
    boto3.client("s3").download_file(bucket, key, target, {"VersionId": version} if version else {})
else:
    shutil.copy(source, target)
END_OF_FILE
retry "$VENV/bin/python" /run/gensweep-fetch.py "$BUNDLE.tar.gz"
echo "$GENSWEEP_BUNDLE_SHA256  $BUNDLE.tar.gz" | sha256sum --check --quiet
tar -xzf "$BUNDLE.tar.gz" -C "$BUNDLE" --no-same-owner
WHEEL=$(echo "$BUNDLE"/gensweep-*.whl)
retry "$VENV/bin/pip" install -q -c "$BUNDLE/constraints.txt" "$WHEEL[cluster]"
"$VENV/bin/pip" install -q --force-reinstall --no-deps "$WHEEL" # also if its version is that of before

systemctl daemon-reload
systemctl enable gensweep-prepare.service gensweep-ray.service gensweep-resumer.service gensweep-drainer.service gensweep-logs.timer
systemctl restart gensweep-prepare.service gensweep-ray.service gensweep-resumer.service gensweep-drainer.service gensweep-logs.timer
echo "gensweep: started as head"
