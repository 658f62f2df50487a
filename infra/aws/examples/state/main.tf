# The bucket that keeps the state of the other examples; applied once for an account, with local state.

provider "aws" {
  region = var.region
}

data "aws_caller_identity" "this" {}

resource "aws_s3_bucket" "state" {
  #checkov:skip=CKV_AWS_144:State is rebuilt by import, and versioned; a second region is not worth its price.
  #checkov:skip=CKV_AWS_145:No key is there before this bucket; SSE-S3 encrypts, and the state has no secret.
  #checkov:skip=CKV_AWS_18:The bucket of access logs belongs to a cluster, which is made after this one.
  #checkov:skip=CKV2_AWS_61:Old versions of the state are small, and the way back.
  #checkov:skip=CKV2_AWS_62:Nothing here listens to the events of objects.
  bucket        = "gensweep-state-${data.aws_caller_identity.this.account_id}"
  force_destroy = false
}

resource "aws_s3_bucket_public_access_block" "state" {
  bucket                  = aws_s3_bucket.state.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "state" {
  bucket = aws_s3_bucket.state.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_versioning" "state" {
  bucket = aws_s3_bucket.state.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "state" {
  bucket = aws_s3_bucket.state.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_policy" "state" {
  bucket     = aws_s3_bucket.state.id
  depends_on = [aws_s3_bucket_public_access_block.state]

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "PlainText"
      Effect    = "Deny"
      Principal = { AWS = "*" }
      Action    = "s3:*"
      Resource  = [aws_s3_bucket.state.arn, "${aws_s3_bucket.state.arn}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}
