# Two buckets: the artifacts of sweeps, and the record of who asked for them.

locals {
  tls = [
    {
      Sid       = "PlainText"
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    },
    {
      Sid       = "OldTLS"
      Condition = { NumericLessThan = { "s3:TlsVersion" = "1.2" } }
    },
  ]
}

resource "aws_s3_bucket" "artifacts" {
  #checkov:skip=CKV_AWS_144:A copy in a second region costs more than repeating sweeps would.
  #checkov:skip=CKV2_AWS_62:Nothing here listens to the events of objects.
  bucket        = "${local.name}-artifacts-${var.cluster.account}-${var.cluster.region}"
  force_destroy = var.force_destroy
  tags          = var.cluster.tags
}

resource "aws_s3_bucket_public_access_block" "artifacts" {
  bucket                  = aws_s3_bucket.artifacts.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "artifacts" {
  bucket = aws_s3_bucket.artifacts.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_versioning" "artifacts" {
  bucket = aws_s3_bucket.artifacts.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "artifacts" {
  bucket = aws_s3_bucket.artifacts.id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.this.arn
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "artifacts" {
  bucket     = aws_s3_bucket.artifacts.id
  depends_on = [aws_s3_bucket_versioning.artifacts]

  rule {
    id     = "leftovers"
    status = "Enabled"

    filter {
      prefix = ""
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 3
    }

    noncurrent_version_expiration {
      noncurrent_days = var.undelete_days
    }
  }

  rule {
    id     = "tiers"
    status = "Enabled"

    filter {
      prefix = "sweeps/"
    }

    transition {
      days          = 30
      storage_class = "INTELLIGENT_TIERING"
    }
  }
}

resource "aws_s3_bucket_logging" "artifacts" {
  bucket        = aws_s3_bucket.artifacts.id
  target_bucket = aws_s3_bucket.logs.id
  target_prefix = "artifacts/"
  depends_on    = [aws_s3_bucket_policy.logs]
}

# Who names no key gets the bucket's default, ours; who names another one is refused.
resource "aws_s3_bucket_policy" "artifacts" {
  bucket     = aws_s3_bucket.artifacts.id
  depends_on = [aws_s3_bucket_public_access_block.artifacts]

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      for rule in concat(local.tls, [
        {
          Sid = "OtherEncryption"
          Condition = {
            Null            = { "s3:x-amz-server-side-encryption" = "false" }
            StringNotEquals = { "s3:x-amz-server-side-encryption" = "aws:kms" }
          }
        },
        {
          Sid = "OtherKey"
          Condition = {
            Null            = { "s3:x-amz-server-side-encryption-aws-kms-key-id" = "false" }
            StringNotEquals = { "s3:x-amz-server-side-encryption-aws-kms-key-id" = aws_kms_key.this.arn }
          }
        },
        ]) : merge(rule, {
        Effect    = "Deny"
        Principal = { AWS = "*" }
        Action    = startswith(rule.Sid, "Other") ? "s3:PutObject" : "s3:*"
        Resource  = [aws_s3_bucket.artifacts.arn, "${aws_s3_bucket.artifacts.arn}/*"]
      })
    ]
  })
}

resource "aws_s3_object" "bundle" {
  bucket      = aws_s3_bucket.artifacts.id
  key         = "bundle/gensweep-bundle.tar.gz"
  source      = var.bundle
  source_hash = filesha256(var.bundle)
  kms_key_id  = aws_kms_key.this.arn
  tags        = var.cluster.tags
  depends_on  = [aws_s3_bucket_server_side_encryption_configuration.artifacts, aws_s3_bucket_versioning.artifacts]
}
