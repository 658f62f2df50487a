# What outlives a host: the key, the logs, and in buckets.tf the objects.

locals {
  name   = var.cluster.name
  groups = "arn:${var.cluster.partition}:logs:${var.cluster.region}:${var.cluster.account}:log-group:"
  root   = "arn:${var.cluster.partition}:iam::${var.cluster.account}:root"
  # Service-linked roles start hosts with encrypted disks. Named in a condition, as a principal
  # that does not exist yet would be refused and an empty account has none of them.
  launchers = [
    for role in ["autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling", "ec2fleet.amazonaws.com/AWSServiceRoleForEC2Fleet", "spot.amazonaws.com/AWSServiceRoleForEC2Spot"] :
    "arn:${var.cluster.partition}:iam::${var.cluster.account}:role/aws-service-role/${role}"
  ]
}

resource "aws_kms_key" "this" {
  description             = "All that ${local.name} keeps"
  enable_key_rotation     = true
  deletion_window_in_days = var.force_destroy ? 7 : 30
  tags                    = var.cluster.tags

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "Account"
        Effect    = "Allow"
        Principal = { AWS = local.root }
        Action    = "kms:*"
        Resource  = "*"
      },
      {
        Sid       = "Logs"
        Effect    = "Allow"
        Principal = { Service = "logs.${var.cluster.region}.amazonaws.com" }
        Action    = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
        Resource  = "*"
        Condition = { ArnLike = { "kms:EncryptionContext:aws:logs:arn" = ["${local.groups}/gensweep/${local.name}/*", "${local.groups}/aws/rds/instance/${local.name}/*"] } }
      },
      {
        Sid       = "Disks"
        Effect    = "Allow"
        Principal = { AWS = "*" }
        Action    = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
        Resource  = "*"
        Condition = { StringEquals = { "kms:CallerAccount" = var.cluster.account }, ArnEquals = { "aws:PrincipalArn" = local.launchers } }
      },
      {
        Sid       = "Grants"
        Effect    = "Allow"
        Principal = { AWS = "*" }
        Action    = "kms:CreateGrant"
        Resource  = "*"
        Condition = {
          Bool         = { "kms:GrantIsForAWSResource" = "true" }
          StringEquals = { "kms:CallerAccount" = var.cluster.account }
          ArnEquals    = { "aws:PrincipalArn" = local.launchers }
        }
      },
    ]
  })
}

resource "aws_kms_alias" "this" {
  name          = "alias/${local.name}"
  target_key_id = aws_kms_key.this.key_id
}

resource "aws_cloudwatch_log_group" "hosts" {
  name              = "/gensweep/${local.name}/hosts"
  kms_key_id        = aws_kms_key.this.arn
  retention_in_days = var.log_days
  tags              = var.cluster.tags
}
