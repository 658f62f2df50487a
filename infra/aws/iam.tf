# What every host may do, what the hosts of the Ray cluster may do, and what no role may exceed.

locals {
  arn     = { for service in ["ec2", "logs", "secretsmanager", "sqs"] : service => "arn:${local.cluster.partition}:${service}:${local.cluster.region}:${local.cluster.account}" }
  iam     = "arn:${local.cluster.partition}:iam::${local.cluster.account}"
  read    = concat(local.dataset_bucket_arns, [for arn in local.dataset_bucket_arns : "${arn}/*"])
  via     = [for service in ["s3", "secretsmanager"] : "${service}.${local.cluster.region}.amazonaws.com"]
  objects = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject"]
  shell   = ["ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel", "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel"]
}

resource "aws_iam_policy" "host" {
  #checkov:skip=CKV_AWS_290:The channels of Session Manager know neither resources nor conditions.
  #checkov:skip=CKV_AWS_355:The channels of Session Manager know neither resources nor conditions.
  name        = "${var.name}-host"
  description = "Every host of ${var.name}: shells through Session Manager, logs, the bundle"
  tags        = local.cluster.tags

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Shell"
        Effect   = "Allow"
        Action   = local.shell
        Resource = "*"
      },
      {
        Sid      = "Presence"
        Effect   = "Allow"
        Action   = ["ssm:UpdateInstanceInformation"]
        Resource = ["${local.arn.ec2}:instance/*"]
      },
      {
        Sid      = "Logs"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = ["${module.storage.log_group.arn}:*"]
      },
      {
        Sid      = "Bundle"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:GetObjectVersion"]
        Resource = ["${module.storage.artifacts.arn}/bundle/*"]
      },
      {
        Sid       = "Key"
        Effect    = "Allow"
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = [module.storage.key_arn]
        Condition = { StringEquals = { "kms:ViaService" = local.via } }
      },
    ]
  })
}

resource "aws_iam_policy" "member" {
  name        = "${var.name}-member"
  description = "Head and workers of ${var.name}: Ray's token, the objects of sweeps, data sets"
  tags        = local.cluster.tags

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      {
        Sid      = "Token"
        Effect   = "Allow"
        Action   = ["secretsmanager:GetSecretValue"]
        Resource = [module.secrets.arns.token]
      },
      {
        Sid       = "List"
        Effect    = "Allow"
        Action    = ["s3:ListBucket"]
        Resource  = [module.storage.artifacts.arn]
        Condition = { StringLike = { "s3:prefix" = ["sweeps", "sweeps/*"] } }
      },
      # HeadBucket, by which clients ask whether the bucket is there, has no prefix; nor has a list of
      # all names, which IAM cannot tell from it.
      {
        Sid       = "Bucket"
        Effect    = "Allow"
        Action    = ["s3:ListBucket"]
        Resource  = [module.storage.artifacts.arn]
        Condition = { Null = { "s3:prefix" = "true" } }
      },
      {
        Sid      = "Objects"
        Effect   = "Allow"
        Action   = local.objects
        Resource = ["${module.storage.artifacts.arn}/sweeps/*"]
      },
      ], length(local.read) == 0 ? [] : [{
        Sid      = "DataSets"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:ListBucket"]
        Resource = local.read
    }])
  })
}

resource "aws_iam_policy" "mlflow" {
  name        = "${var.name}-mlflow"
  description = "Head and tracking server of ${var.name}: the password by which the head writes to MLflow"
  tags        = local.cluster.tags

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "Password"
      Effect   = "Allow"
      Action   = ["secretsmanager:GetSecretValue"]
      Resource = [module.secrets.arns.mlflow]
    }]
  })
}

resource "aws_iam_policy" "boundary" {
  #checkov:skip=CKV_AWS_287:A boundary grants nothing; the roles' own policies name the secrets.
  #checkov:skip=CKV_AWS_289:A boundary grants nothing; what it lets pass is limited by condition.
  #checkov:skip=CKV_AWS_290:A boundary grants nothing; the roles' own policies name resources.
  #checkov:skip=CKV_AWS_355:A boundary grants nothing; the roles' own policies name resources.
  count       = var.permissions_boundary == null ? 1 : 0
  name        = "${var.name}-boundary"
  description = "What no role of ${var.name} may exceed"
  tags        = local.cluster.tags

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      {
        Sid      = "Objects"
        Effect   = "Allow"
        Action   = concat(local.objects, ["s3:ListBucket"])
        Resource = [module.storage.artifacts.arn, "${module.storage.artifacts.arn}/*"]
      },
      {
        Sid      = "Bundle"
        Effect   = "Allow"
        Action   = ["s3:GetObjectVersion"]
        Resource = ["${module.storage.artifacts.arn}/bundle/*"]
      },
      {
        Sid      = "Key"
        Effect   = "Allow"
        Action   = ["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo"]
        Resource = [module.storage.key_arn]
      },
      {
        Sid      = "Secrets"
        Effect   = "Allow"
        Action   = ["secretsmanager:GetSecretValue"]
        Resource = ["${local.arn.secretsmanager}:secret:${var.name}/*", "${local.arn.secretsmanager}:secret:rds!db-*"]
      },
      {
        Sid      = "Logs"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
        Resource = ["${local.arn.logs}:log-group:*"]
      },
      {
        Sid      = "Notices"
        Effect   = "Allow"
        Action   = ["sqs:DeleteMessage", "sqs:ReceiveMessage"]
        Resource = ["${local.arn.sqs}:${var.name}-*"]
      },
      {
        Sid      = "Shell"
        Effect   = "Allow"
        Action   = concat(local.shell, ["logs:DescribeLogGroups", "ssm:UpdateInstanceInformation"])
        Resource = "*"
      },
      {
        Sid    = "Instances"
        Effect = "Allow"
        Action = [
          "ec2:AttachVolume", "ec2:CreateFleet", "ec2:CreateTags", "ec2:DescribeInstances", "ec2:DescribeVolumes",
          "ec2:RunInstances", "ec2:TerminateInstances",
        ]
        Resource  = "*"
        Condition = { StringEquals = { "aws:RequestedRegion" = local.cluster.region } }
      },
      {
        Sid      = "Names"
        Effect   = "Allow"
        Action   = ["route53:ChangeResourceRecordSets"]
        Resource = [module.network.zone.arn]
      },
      {
        Sid       = "WorkersRole"
        Effect    = "Allow"
        Action    = ["iam:PassRole"]
        Resource  = ["${local.iam}:role/${var.name}-worker"]
        Condition = { StringEquals = { "iam:PassedToService" = "ec2.amazonaws.com" } }
      },
      {
        Sid       = "FirstSpot"
        Effect    = "Allow"
        Action    = ["iam:CreateServiceLinkedRole"]
        Resource  = ["${local.iam}:role/aws-service-role/*"]
        Condition = { StringEquals = { "iam:AWSServiceName" = ["ec2fleet.amazonaws.com", "spot.amazonaws.com"] } }
      },
      {
        Sid       = "Stop"
        Effect    = "Allow"
        Action    = ["iam:AttachRolePolicy", "iam:DetachRolePolicy"]
        Resource  = ["${local.iam}:role/${var.name}-head"]
        Condition = { ArnEquals = { "iam:PolicyARN" = "${local.iam}:policy/${var.name}-stop" } }
      },
      ], length(local.read) == 0 ? [] : [{
        Sid      = "DataSets"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:ListBucket"]
        Resource = local.read
    }])
  })
}
