# AWS services from within the VPC. S3 always by its gateway, which costs nothing and lets through
# the cluster's own buckets, the data sets that are named, and the packages of the operating system.

locals {
  services = ["ec2", "ec2messages", "kms", "logs", "secretsmanager", "sqs", "ssm", "ssmmessages", "sts"]
  written  = concat(var.bucket_arns, [for arn in var.bucket_arns : "${arn}/*"])
  read     = concat(var.dataset_bucket_arns, [for arn in var.dataset_bucket_arns : "${arn}/*"])
  ours     = { StringEquals = { "aws:PrincipalAccount" = var.cluster.account } }
  packages = "arn:${var.cluster.partition}:s3:::al2023-repos-${var.cluster.region}-*/*"
}

resource "aws_vpc_endpoint" "s3" {
  vpc_id            = aws_vpc.this.id
  service_name      = "com.amazonaws.${var.cluster.region}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [for table in aws_route_table.private : table.id]
  tags              = merge(var.cluster.tags, { Name = "${local.name}-s3" })

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      {
        Sid       = "OwnBuckets"
        Effect    = "Allow"
        Principal = "*"
        Action = [
          "s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetBucketLocation", "s3:GetObject",
          "s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:ListMultipartUploadParts", "s3:PutObject",
        ]
        Resource  = local.written
        Condition = local.ours
      },
      {
        Sid       = "Bundle"
        Effect    = "Allow"
        Principal = "*"
        Action    = ["s3:GetObjectVersion"]
        Resource  = [for arn in var.bucket_arns : "${arn}/bundle/*"]
        Condition = local.ours
      },
      {
        Sid       = "Packages"
        Effect    = "Allow"
        Principal = "*"
        Action    = ["s3:GetObject"]
        Resource  = [local.packages]
      },
      ], length(local.read) == 0 ? [] : [{
        Sid       = "DataSets"
        Effect    = "Allow"
        Principal = "*"
        Action    = ["s3:GetBucketLocation", "s3:GetObject", "s3:ListBucket"]
        Resource  = local.read
    }])
  })
}

# Route 53 is one for all regions: its endpoint service is in us-east-1 and is reached from any.
resource "aws_vpc_endpoint" "names" {
  count               = var.private_endpoints && var.cluster.partition == "aws" ? 1 : 0
  vpc_id              = aws_vpc.this.id
  service_name        = "com.amazonaws.route53"
  service_region      = "us-east-1"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  subnet_ids          = [for subnet in aws_subnet.private : subnet.id]
  security_group_ids  = [aws_security_group.this["endpoints"].id]
  tags                = merge(var.cluster.tags, { Name = "${local.name}-route53" })
}

resource "aws_vpc_endpoint" "service" {
  for_each            = var.private_endpoints ? toset(local.services) : []
  vpc_id              = aws_vpc.this.id
  service_name        = "com.amazonaws.${var.cluster.region}.${each.key}"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  subnet_ids          = [for subnet in aws_subnet.private : subnet.id]
  security_group_ids  = [aws_security_group.this["endpoints"].id]
  tags                = merge(var.cluster.tags, { Name = "${local.name}-${each.key}" })

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OwnAccount"
      Effect    = "Allow"
      Principal = "*"
      Action    = "${each.key}:*"
      Resource  = "*"
      Condition = local.ours
    }]
  })
}
