"""What each role may do and what it may not: one row for each decision, with its context."""

from typing import Any

AT = "eu-central-1:123456789012"
EC2 = f"arn:aws:ec2:{AT}:"
IMAGE = "arn:aws:ec2:eu-central-1::image/ami-1"
ROLE = "arn:aws:iam::123456789012:role/"
POLICY = "arn:aws:iam::123456789012:policy/"
SLR = ROLE + "aws-service-role/"
BUCKET = "arn:aws:s3:::gensweep-artifacts-123456789012-eu-central-1"
LOGS = "arn:aws:s3:::gensweep-logs-123456789012-eu-central-1"
DATA = "arn:aws:s3:::somebodys-data"
SECRET = f"arn:aws:secretsmanager:{AT}:secret:"
DATABASE = SECRET + "rds!db-1-abcdef"
LEDGER = SECRET + "gensweep/ledger-1-abcdef"
KEY = f"arn:aws:kms:{AT}:key/1111"
QUEUE = f"arn:aws:sqs:{AT}:gensweep-events"
ZONE = "arn:aws:route53:::hostedzone/Z1111"
GROUP = f"arn:aws:logs:{AT}:log-group:/gensweep/gensweep/"
ANYWHERE = "*"
UNBOUND = "unbound "

OURS = {"ec2:LaunchTemplate": EC2 + "launch-template/lt-1111"}
OTHERS = {"ec2:LaunchTemplate": EC2 + "launch-template/lt-9999"}
TAGGED = {"aws:RequestTag/gensweep:cluster": "gensweep"}
WORKER = {
    "aws:ResourceTag/gensweep:cluster": "gensweep",
    "aws:ResourceTag/gensweep:role": "worker",
}
HEAD = WORKER | {"aws:ResourceTag/gensweep:role": "head"}
TRACKING = WORKER | {"aws:ResourceTag/gensweep:role": "tracking"}
ELSEWHERE = {"aws:ResourceTag/gensweep:cluster": "another"}
FOREIGN = WORKER | ELSEWHERE
VIA_S3 = {"kms:ViaService": "s3.eu-central-1.amazonaws.com"}
VIA_EC2 = {"kms:ViaService": "ec2.eu-central-1.amazonaws.com"}
GRANT = {"kms:GrantIsForAWSResource": "true"}
TO_EC2 = {"iam:PassedToService": "ec2.amazonaws.com"}
TO_LAMBDA = {"iam:PassedToService": "lambda.amazonaws.com"}
SSE = "s3:x-amz-server-side-encryption"
SSE_KEY = SSE + "-aws-kms-key-id"
LOGGED = {"kms:EncryptionContext:aws:logs:arn": GROUP + "hosts"}
LOGGED_BY_RDS = {
    "kms:EncryptionContext:aws:logs:arn":
        f"arn:aws:logs:{AT}:log-group:/aws/rds/instance/gensweep/postgresql",
}  # fmt: skip
CALLER = {"kms:CallerAccount": "123456789012"}
STRANGER = {"kms:CallerAccount": "999999999999"}
SPOT = SLR + "spot.amazonaws.com/AWSServiceRoleForEC2Spot"
LAUNCHER = SLR + "autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"


def record(name: str, action: str = "UPSERT", kind: str = "A") -> dict[str, Any]:
    prefix = "route53:ChangeResourceRecordSets"
    return {
        f"{prefix}NormalizedRecordNames": [name],
        f"{prefix}Actions": [action],
        f"{prefix}RecordTypes": [kind],
    }


YES, NO = True, False
TABLE: list[tuple[str, str, str, dict[str, Any], bool]] = [
    # Starting workers: our templates, our subnets and groups, our tags.
    ("head", "ec2:CreateFleet", EC2 + "fleet/fleet-1", {}, YES),
    ("head", "ec2:CreateFleet", EC2 + "launch-template/lt-1111", {}, YES),
    ("head", "ec2:CreateFleet", EC2 + "launch-template/lt-9999", {}, NO),
    ("head", "ec2:CreateFleet", EC2 + "instance/i-1", TAGGED, YES),
    ("head", "ec2:CreateFleet", EC2 + "instance/i-1", {}, NO),
    ("head", "ec2:CreateFleet", EC2 + "subnet/subnet-9999", {}, NO),
    ("head", "ec2:RunInstances", EC2 + "instance/i-1", OURS | TAGGED, YES),
    ("head", "ec2:RunInstances", EC2 + "instance/i-1", OURS, NO),
    ("head", "ec2:RunInstances", EC2 + "instance/i-1", OTHERS | TAGGED, NO),
    ("head", "ec2:RunInstances", EC2 + "instance/i-1", TAGGED, NO),
    ("head", "ec2:RunInstances", EC2 + "volume/vol-1", OURS, YES),
    ("head", "ec2:RunInstances", EC2 + "volume/vol-1", OTHERS, NO),
    ("head", "ec2:RunInstances", EC2 + "network-interface/eni-1", OURS, YES),
    ("head", "ec2:RunInstances", EC2 + "subnet/subnet-1111", OURS, YES),
    ("head", "ec2:RunInstances", EC2 + "subnet/subnet-9999", OURS, NO),
    ("head", "ec2:RunInstances", EC2 + "security-group/sg-1111", OURS, YES),
    ("head", "ec2:RunInstances", EC2 + "security-group/sg-9999", OURS, NO),
    ("head", "ec2:RunInstances", EC2 + "placement-group/gensweep-p5", OURS, YES),
    ("head", "ec2:RunInstances", EC2 + "spot-instances-request/sir-1", {}, YES),
    ("head", "ec2:RunInstances", EC2 + "key-pair/admin", OURS, NO),
    ("head", "ec2:RunInstances", IMAGE, OURS | {"ec2:IsLaunchTemplateResource": "true"}, YES),
    ("head", "ec2:RunInstances", IMAGE, OURS | {"ec2:IsLaunchTemplateResource": "false"}, NO),
    ("head", "ec2:RunInstances", IMAGE, OTHERS | {"ec2:IsLaunchTemplateResource": "true"}, NO),
    ("head", "ec2:CreateTags", EC2 + "instance/i-1", {"ec2:CreateAction": "RunInstances"}, YES),
    ("head", "ec2:CreateTags", EC2 + "volume/vol-1", {"ec2:CreateAction": "CreateFleet"}, YES),
    ("head", "ec2:CreateTags", EC2 + "instance/i-1", {}, NO),
    ("head", "ec2:CreateTags", EC2 + "instance/i-1", WORKER | {"aws:TagKeys": ["ray-x"]}, YES),
    ("head", "ec2:CreateTags", EC2 + "instance/i-1", HEAD | {"aws:TagKeys": ["ray-x"]}, NO),
    ("head", "ec2:CreateTags", EC2 + "instance/i-1", FOREIGN | {"aws:TagKeys": ["ray-x"]}, NO),
    ("head", "ec2:CreateTags", EC2 + "instance/i-1",
     WORKER | {"aws:TagKeys": ["ray-x", "gensweep:cluster"]}, NO),
    ("head", "iam:PassRole", ROLE + "gensweep-worker", TO_EC2, YES),
    ("head", "iam:PassRole", ROLE + "gensweep-worker", TO_LAMBDA, NO),
    ("unbound head", "iam:PassRole", ROLE + "gensweep-worker", TO_LAMBDA, NO),
    ("administrator", "iam:PassRole", ROLE + "gensweep-worker", TO_EC2, YES),
    ("administrator", "iam:PassRole", ROLE + "gensweep-worker", TO_LAMBDA, NO),
    ("head", "iam:PassRole", ROLE + "gensweep-head", TO_EC2, NO),
    ("head", "iam:PassRole", ROLE + "admin", TO_EC2, NO),
    ("head", "iam:CreateServiceLinkedRole", SPOT,
     {"iam:AWSServiceName": "spot.amazonaws.com"}, YES),
    ("head", "iam:CreateServiceLinkedRole", SLR + "eks.amazonaws.com/AWSServiceRoleForAmazonEKS",
     {"iam:AWSServiceName": "eks.amazonaws.com"}, NO),
    ("unbound head", "iam:CreateServiceLinkedRole", SPOT,
     {"iam:AWSServiceName": "eks.amazonaws.com"}, NO),
    ("administrator", "iam:CreateServiceLinkedRole", SPOT,
     {"iam:AWSServiceName": "eks.amazonaws.com"}, NO),
    # Ending them: workers of this cluster.
    ("head", "ec2:TerminateInstances", EC2 + "instance/i-1", WORKER, YES),
    ("head", "ec2:TerminateInstances", EC2 + "instance/i-1", HEAD, NO),
    ("head", "ec2:TerminateInstances", EC2 + "instance/i-1", FOREIGN, NO),
    ("head", "ec2:TerminateInstances", EC2 + "instance/i-1", {}, NO),
    ("head", "ec2:StopInstances", EC2 + "instance/i-1", WORKER, NO),
    ("head", "ec2:DescribeInstances", ANYWHERE, {}, YES),
    ("head", "ec2:DescribeInstances", ANYWHERE, {"aws:RequestedRegion": "us-east-1"}, NO),
    # When the budget is spent.
    ("stopped head", "ec2:CreateFleet", EC2 + "fleet/fleet-1", {}, NO),
    ("stopped head", "ec2:RunInstances", EC2 + "instance/i-1", OURS | TAGGED, NO),
    ("stopped head", "ec2:TerminateInstances", EC2 + "instance/i-1", WORKER, YES),
    ("stopped head", "s3:PutObject", BUCKET + "/sweeps/x", {}, YES),
    ("budget", "iam:AttachRolePolicy", ROLE + "gensweep-head",
     {"iam:PolicyARN": POLICY + "gensweep-stop"}, YES),
    ("budget", "iam:AttachRolePolicy", ROLE + "gensweep-head",
     {"iam:PolicyARN": "arn:aws:iam::aws:policy/AdministratorAccess"}, NO),
    ("unbound budget", "iam:AttachRolePolicy", ROLE + "gensweep-head",
     {"iam:PolicyARN": "arn:aws:iam::aws:policy/AdministratorAccess"}, NO),
    ("budget", "iam:AttachRolePolicy", ROLE + "gensweep-worker",
     {"iam:PolicyARN": POLICY + "gensweep-stop"}, NO),
    ("head", "iam:DetachRolePolicy", ROLE + "gensweep-head",
     {"iam:PolicyARN": POLICY + "gensweep-stop"}, NO),
    # The drainer.
    ("head", "sqs:ReceiveMessage", QUEUE, {}, YES),
    ("head", "sqs:DeleteMessage", QUEUE, {}, YES),
    ("head", "sqs:ReceiveMessage", QUEUE, {"aws:SecureTransport": "false"}, NO),
    ("head", "sqs:SendMessage", QUEUE, {}, NO),
    ("head", "sqs:ReceiveMessage", f"arn:aws:sqs:{AT}:another", {}, NO),
    ("worker", "sqs:ReceiveMessage", QUEUE, {}, NO),
    ("events.amazonaws.com", "sqs:SendMessage", QUEUE,
     {"aws:SourceArn": f"arn:aws:events:{AT}:rule/gensweep-notice"}, YES),
    ("events.amazonaws.com", "sqs:SendMessage", QUEUE,
     {"aws:SourceArn": f"arn:aws:events:{AT}:rule/another"}, NO),
    # Volume and name.
    ("head", "ec2:AttachVolume", EC2 + "volume/vol-aaaa1111", {}, YES),
    ("head", "ec2:AttachVolume", EC2 + "volume/vol-bbbb1111", {}, NO),
    ("head", "ec2:AttachVolume", EC2 + "instance/i-1", HEAD, YES),
    ("head", "ec2:AttachVolume", EC2 + "instance/i-1", WORKER, NO),
    ("head", "ec2:AttachVolume", EC2 + "instance/i-1", HEAD | ELSEWHERE, NO),
    ("head", "ec2:DescribeVolumes", ANYWHERE, {}, YES),
    ("head", "ec2:DetachVolume", EC2 + "volume/vol-aaaa1111", {}, NO),
    ("administrator", "ec2:DetachVolume", EC2 + "volume/vol-aaaa1111", {}, NO),
    ("administrator", "ec2:DescribeSubnets", ANYWHERE, {}, NO),
    ("tracking", "ec2:DescribeInstances", ANYWHERE, {}, NO),
    ("head", "ec2:DeleteVolume", EC2 + "volume/vol-aaaa1111", {}, NO),
    ("tracking", "ec2:AttachVolume", EC2 + "volume/vol-bbbb1111", {}, YES),
    ("tracking", "ec2:AttachVolume", EC2 + "instance/i-1", TRACKING, YES),
    ("tracking", "ec2:AttachVolume", EC2 + "instance/i-1", HEAD, NO),
    ("tracking", "ec2:AttachVolume", EC2 + "instance/i-1", TRACKING | ELSEWHERE, NO),
    ("tracking", "ec2:DescribeVolumes", ANYWHERE, {}, YES),
    ("tracking", "route53:ChangeResourceRecordSets", ZONE,
     record("tracking.gensweep.internal"), YES),
    ("tracking", "route53:ChangeResourceRecordSets", ZONE, record("head.gensweep.internal"), NO),
    ("tracking", "route53:ChangeResourceRecordSets", ZONE,
     record("tracking.gensweep.internal", "DELETE"), NO),
    ("tracking", "route53:ChangeResourceRecordSets", ZONE,
     record("tracking.gensweep.internal", kind="TXT"), NO),
    ("head", "route53:ChangeResourceRecordSets", ZONE, record("head.gensweep.internal"), YES),
    ("head", "route53:ChangeResourceRecordSets", ZONE, record("tracking.gensweep.internal"), NO),
    ("head", "route53:ChangeResourceRecordSets", ZONE,
     record("head.gensweep.internal", "DELETE"), NO),
    ("head", "route53:ChangeResourceRecordSets", ZONE,
     record("head.gensweep.internal", kind="TXT"), NO),
    ("head", "route53:ChangeResourceRecordSets", "arn:aws:route53:::hostedzone/Z9999",
     record("head.gensweep.internal"), NO),
    ("worker", "route53:ChangeResourceRecordSets", ZONE, record("head.gensweep.internal"), NO),
    # Workers run what people submit.
    ("worker", "ec2:RunInstances", EC2 + "instance/i-1", OURS | TAGGED, NO),
    ("worker", "ec2:TerminateInstances", EC2 + "instance/i-1", WORKER, NO),
    ("worker", "ec2:DescribeInstances", ANYWHERE, {}, NO),
    ("worker", "iam:PassRole", ROLE + "gensweep-worker", TO_EC2, NO),
    ("worker", "s3:GetObject", BUCKET + "/sweeps/x", {}, YES),
    ("worker", "s3:PutObject", BUCKET + "/sweeps/x", {}, YES),
    ("worker", "s3:DeleteObject", BUCKET + "/sweeps/x", {}, YES),
    ("worker", "s3:DeleteObjectVersion", BUCKET + "/sweeps/x", {}, NO),
    ("worker", "s3:GetObject", BUCKET + "/mlflow/x", {}, NO),
    ("worker", "s3:GetObject", BUCKET + "/bundle/gensweep-bundle.tar.gz", {}, YES),
    ("worker", "s3:GetObjectVersion", BUCKET + "/bundle/gensweep-bundle.tar.gz", {}, YES),
    ("tracking", "s3:GetObjectVersion", BUCKET + "/bundle/gensweep-bundle.tar.gz", {}, YES),
    ("worker", "s3:GetObjectVersion", BUCKET + "/sweeps/x", {}, NO),
    ("worker", "s3:PutObject", BUCKET + "/bundle/gensweep-bundle.tar.gz", {}, NO),
    ("worker", "s3:ListBucket", BUCKET, {"s3:prefix": "sweeps/a"}, YES),
    ("worker", "s3:ListBucket", BUCKET, {"s3:prefix": "mlflow/"}, NO),
    ("worker", "s3:ListBucket", BUCKET, {}, YES),  # HeadBucket
    ("head", "s3:ListBucket", BUCKET, {}, YES),
    ("head", "s3:ListBucket", BUCKET, {"s3:prefix": ""}, NO),
    ("worker", "s3:ListBucket", LOGS, {}, NO),
    ("worker", "s3:PutBucketPolicy", BUCKET, {}, NO),
    ("worker", "s3:GetObject", DATA + "/train.parquet", {}, YES),
    ("worker", "s3:PutObject", DATA + "/train.parquet", {}, NO),
    ("worker", "s3:GetObject", "arn:aws:s3:::another/x", {}, NO),
    ("worker", "s3:GetObject", LOGS + "/artifacts/x", {}, NO),
    # What the bucket itself refuses.
    ("worker", "s3:GetObject", BUCKET + "/sweeps/x", {"aws:SecureTransport": "false"}, NO),
    ("worker", "s3:GetObject", BUCKET + "/sweeps/x", {"s3:TlsVersion": "1.1"}, NO),
    ("worker", "s3:PutObject", BUCKET + "/sweeps/x", {SSE: "aws:kms", SSE_KEY: KEY}, YES),
    ("worker", "s3:PutObject", BUCKET + "/sweeps/x", {SSE: "AES256"}, NO),
    ("worker", "s3:PutObject", BUCKET + "/sweeps/x", {SSE: "aws:kms", SSE_KEY: KEY[:-1]}, NO),
    ("logging.s3.amazonaws.com", "s3:PutObject", LOGS + "/artifacts/x",
     {"aws:SourceArn": BUCKET, "aws:SourceAccount": "123456789012"}, YES),
    ("logging.s3.amazonaws.com", "s3:PutObject", LOGS + "/artifacts/x",
     {"aws:SourceArn": BUCKET, "aws:SourceAccount": "999999999999"}, NO),
    ("logging.s3.amazonaws.com", "s3:PutObject", LOGS + "/artifacts/x",
     {"aws:SourceArn": DATA, "aws:SourceAccount": "123456789012"}, NO),
    ("unbound administrator", "s3:GetObject", LOGS + "/artifacts/x", {}, YES),
    ("unbound administrator", "s3:GetObject", LOGS + "/artifacts/x",
     {"aws:SecureTransport": "false"}, NO),
    ("unbound administrator", "s3:GetObject", LOGS + "/artifacts/x", {"s3:TlsVersion": "1.0"}, NO),
    # The tracking server: MLflow's objects, its administrator, its database.
    ("tracking", "s3:PutObject", BUCKET + "/mlflow/x", {}, YES),
    ("tracking", "s3:ListBucket", BUCKET, {"s3:prefix": "mlflow/1/"}, YES),
    ("tracking", "s3:ListBucket", BUCKET, {"s3:prefix": "sweeps/"}, NO),
    ("tracking", "s3:ListBucket", BUCKET, {}, YES),
    ("tracking", "s3:GetObject", BUCKET + "/sweeps/x", {}, NO),
    ("tracking", "ec2:RunInstances", EC2 + "instance/i-1", OURS | TAGGED, NO),
    ("tracking", "secretsmanager:GetSecretValue", SECRET + "gensweep/mlflow-admin-1-abcdef",
     {}, YES),
    ("tracking", "secretsmanager:GetSecretValue", SECRET + "gensweep/ray-token-1-abcdef", {}, NO),
    ("tracking", "secretsmanager:GetSecretValue", DATABASE, {}, YES),
    ("tracking", "secretsmanager:GetSecretValue", LEDGER, {}, YES),
    # Secrets of the others.
    ("head", "secretsmanager:GetSecretValue", SECRET + "gensweep/ray-token-1-abcdef", {}, YES),
    ("head", "secretsmanager:GetSecretValue", SECRET + "gensweep/mlflow-1-abcdef", {}, YES),
    ("head", "secretsmanager:GetSecretValue", LEDGER, {}, YES),
    ("head", "secretsmanager:GetSecretValue", DATABASE, {}, NO),
    ("head", "secretsmanager:GetSecretValue", SECRET + "another/token-abcdef", {}, NO),
    ("head", "secretsmanager:PutSecretValue", SECRET + "gensweep/ray-token-1-abcdef", {}, NO),
    ("worker", "secretsmanager:GetSecretValue", SECRET + "gensweep/ray-token-1-abcdef", {}, YES),
    ("worker", "secretsmanager:GetSecretValue", SECRET + "gensweep/mlflow-1-abcdef", {}, NO),
    ("worker", "secretsmanager:GetSecretValue", SECRET + "gensweep/mlflow-admin-1-abcdef",
     {}, NO),
    ("tracking", "secretsmanager:GetSecretValue", SECRET + "gensweep/mlflow-1-abcdef", {}, YES),
    ("worker", "secretsmanager:GetSecretValue", DATABASE, {}, NO),
    ("worker", "secretsmanager:GetSecretValue", LEDGER, {}, NO),
    # The key: by the services that keep things, and for disks.
    ("worker", "kms:Decrypt", KEY, VIA_S3, YES),
    ("worker", "kms:GenerateDataKey", KEY, VIA_S3, YES),
    ("worker", "kms:Decrypt", KEY, {}, NO),
    ("worker", "kms:CreateGrant", KEY, VIA_EC2 | GRANT, NO),
    ("head", "kms:CreateGrant", KEY, VIA_EC2 | GRANT, YES),
    ("head", "kms:CreateGrant", KEY, VIA_EC2, NO),
    ("head", "kms:CreateGrant", KEY, GRANT, NO),
    ("head", "kms:ReEncryptFrom", KEY, {}, NO),
    ("tracking", "kms:CreateGrant", KEY, VIA_EC2, NO),
    ("tracking", "kms:CreateGrant", KEY, GRANT, NO),
    ("tracking", "kms:ReEncryptFrom", KEY, {}, NO),
    ("head", "kms:ScheduleKeyDeletion", KEY, {}, NO),
    (LAUNCHER, "kms:CreateGrant", KEY, CALLER | GRANT | {"aws:PrincipalArn": LAUNCHER}, YES),
    (LAUNCHER, "kms:CreateGrant", KEY, CALLER | {"aws:PrincipalArn": LAUNCHER}, NO),
    (LAUNCHER, "kms:CreateGrant", KEY, STRANGER | GRANT | {"aws:PrincipalArn": LAUNCHER}, NO),
    (LAUNCHER, "kms:Decrypt", KEY, STRANGER | {"aws:PrincipalArn": LAUNCHER}, NO),
    (ROLE + "admin", "kms:CreateGrant", KEY,
     CALLER | GRANT | {"aws:PrincipalArn": ROLE + "admin"}, NO),
    (ROLE + "admin", "kms:Decrypt", KEY, CALLER | {"aws:PrincipalArn": ROLE + "admin"}, NO),
    (LAUNCHER, "kms:Decrypt", KEY, CALLER | {"aws:PrincipalArn": LAUNCHER}, YES),
    ("arn:aws:iam::123456789012:root", "kms:PutKeyPolicy", KEY, {}, YES),
    ("logs.eu-central-1.amazonaws.com", "kms:Encrypt", KEY, LOGGED, YES),
    ("logs.eu-central-1.amazonaws.com", "kms:Encrypt", KEY, LOGGED_BY_RDS, YES),
    ("logs.eu-central-1.amazonaws.com", "kms:Encrypt", KEY,
     {"kms:EncryptionContext:aws:logs:arn": f"arn:aws:logs:{AT}:log-group:/another"}, NO),
    ("head", "kms:Decrypt", KEY, VIA_EC2, YES),
    ("head", "kms:GenerateDataKeyWithoutPlaintext", KEY, VIA_EC2, YES),
    ("tracking", "kms:ReEncryptFrom", KEY, VIA_EC2, YES),
    ("tracking", "kms:CreateGrant", KEY, VIA_EC2 | GRANT, YES),
    # Logs and shells.
    ("worker", "logs:PutLogEvents", GROUP + "hosts:log-stream:i-1", {}, YES),
    ("worker", "logs:PutLogEvents", GROUP + "flow:log-stream:eni-1", {}, NO),
    ("worker", "logs:DeleteLogGroup", GROUP + "hosts", {}, NO),
    ("flow", "logs:PutLogEvents", GROUP + "flow:log-stream:eni-1", {}, YES),
    ("flow", "logs:PutLogEvents", GROUP + "hosts:log-stream:i-1", {}, NO),
    ("flow", "logs:DescribeLogGroups", ANYWHERE, {}, YES),
    ("worker", "ssmmessages:OpenDataChannel", ANYWHERE, {}, YES),
    ("worker", "ssm:UpdateInstanceInformation", EC2 + "instance/i-1", {}, YES),
    ("worker", "ssm:GetParameter", f"arn:aws:ssm:{AT}:parameter/any", {}, NO),
    ("worker", "ssm:SendCommand", EC2 + "instance/i-1", {}, NO),
    ("worker", "sts:AssumeRole", ROLE + "gensweep-head", {}, NO),
    # The boundary holds also for a role that somebody made an administrator.
    ("administrator", "s3:PutObject", BUCKET + "/sweeps/x", {}, YES),
    ("administrator", "s3:GetObjectVersion", BUCKET + "/sweeps/x", {}, NO),
    ("administrator", "s3:PutBucketPolicy", BUCKET, {}, NO),
    ("administrator", "s3:GetObject", "arn:aws:s3:::another/x", {}, NO),
    ("administrator", "iam:CreateUser", "arn:aws:iam::123456789012:user/eve", {}, NO),
    ("administrator", "iam:PassRole", ROLE + "admin", TO_EC2, NO),
    ("administrator", "iam:AttachRolePolicy", ROLE + "gensweep-head",
     {"iam:PolicyARN": "arn:aws:iam::aws:policy/AdministratorAccess"}, NO),
    ("administrator", "kms:ScheduleKeyDeletion", KEY, {}, NO),
    ("administrator", "secretsmanager:GetSecretValue", SECRET + "another/token-abcdef", {}, NO),
    ("administrator", "ec2:RunInstances", EC2 + "instance/i-1",
     {"aws:RequestedRegion": "us-east-1"}, NO),
    ("administrator", "route53:ChangeResourceRecordSets", "arn:aws:route53:::hostedzone/Z9999",
     record("example.org"), NO),
]  # fmt: skip
