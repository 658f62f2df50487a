# What the host may do for itself: take its volume, and write its own name.

resource "aws_iam_role" "this" {
  name                 = local.name
  description          = "The ${var.role} of ${var.cluster.name}"
  permissions_boundary = var.boundary
  tags                 = local.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ec2.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_instance_profile" "this" {
  name = local.name
  role = aws_iam_role.this.name
  tags = local.tags
}

resource "aws_iam_role_policy_attachment" "this" {
  for_each   = var.policies
  role       = aws_iam_role.this.name
  policy_arn = each.value
}

resource "aws_iam_role_policy" "host" {
  name = "host"
  role = aws_iam_role.this.name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Look"
        Effect   = "Allow"
        Action   = ["ec2:DescribeVolumes"]
        Resource = "*"
      },
      {
        Sid      = "Volume"
        Effect   = "Allow"
        Action   = ["ec2:AttachVolume"]
        Resource = [aws_ebs_volume.data.arn]
      },
      {
        Sid       = "VolumeOfHost"
        Effect    = "Allow"
        Action    = ["ec2:AttachVolume"]
        Resource  = ["arn:${var.cluster.partition}:ec2:${var.cluster.region}:${var.cluster.account}:instance/*"]
        Condition = { StringEquals = { "aws:ResourceTag/gensweep:cluster" = var.cluster.name, "aws:ResourceTag/gensweep:role" = var.role } }
      },
      {
        Sid       = "Disks"
        Effect    = "Allow"
        Action    = ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo"]
        Resource  = [var.key_arn]
        Condition = { StringEquals = { "kms:ViaService" = "ec2.${var.cluster.region}.amazonaws.com" } }
      },
      {
        Sid      = "Grants"
        Effect   = "Allow"
        Action   = ["kms:CreateGrant"]
        Resource = [var.key_arn]
        Condition = {
          Bool         = { "kms:GrantIsForAWSResource" = "true" }
          StringEquals = { "kms:ViaService" = "ec2.${var.cluster.region}.amazonaws.com" }
        }
      },
      {
        Sid      = "Name"
        Effect   = "Allow"
        Action   = ["route53:ChangeResourceRecordSets"]
        Resource = [var.zone.arn]
        Condition = {
          "ForAllValues:StringEquals" = {
            "route53:ChangeResourceRecordSetsActions"               = ["UPSERT"]
            "route53:ChangeResourceRecordSetsNormalizedRecordNames" = [local.fqdn]
            "route53:ChangeResourceRecordSetsRecordTypes"           = ["A"]
          }
        }
      },
    ]
  })
}
