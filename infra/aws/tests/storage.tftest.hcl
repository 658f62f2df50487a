mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

override_resource {
  target          = aws_s3_bucket.logs
  override_during = plan
  values          = { arn = "arn:aws:s3:::gensweep-logs-123456789012-eu-central-1" }
}

variables {
  cluster = {
    name      = "gensweep"
    account   = "123456789012"
    partition = "aws"
    region    = "eu-central-1"
    tags      = { "gensweep:cluster" = "gensweep" }
  }
  log_days      = 365
  force_destroy = false
  bundle        = "./versions.tf"
  undelete_days = 30
}

run "storage" {
  command = plan

  module {
    source = "./modules/storage"
  }

  assert {
    condition     = aws_s3_bucket_public_access_block.artifacts.block_public_acls && aws_s3_bucket_public_access_block.artifacts.block_public_policy && aws_s3_bucket_public_access_block.artifacts.ignore_public_acls && aws_s3_bucket_public_access_block.artifacts.restrict_public_buckets
    error_message = "The bucket artifacts is private."
  }

  assert {
    condition     = aws_s3_bucket_ownership_controls.artifacts.rule[0].object_ownership == "BucketOwnerEnforced"
    error_message = "The bucket artifacts has no ACLs."
  }

  assert {
    condition     = aws_s3_bucket_versioning.artifacts.versioning_configuration[0].status == "Enabled"
    error_message = "The bucket artifacts keeps versions."
  }

  assert {
    condition     = !aws_s3_bucket.artifacts.force_destroy
    error_message = "The bucket artifacts is not deleted with its objects."
  }

  assert {
    condition     = anytrue([for rule in aws_s3_bucket_lifecycle_configuration.artifacts.rule : try(rule.abort_incomplete_multipart_upload[0].days_after_initiation == 3, false)])
    error_message = "Uploads to artifacts that broke off are removed."
  }

  assert {
    condition     = [for s in jsondecode(aws_s3_bucket_policy.artifacts.policy).Statement : s if s.Sid == "PlainText"][0].Effect == "Deny" && [for s in jsondecode(aws_s3_bucket_policy.artifacts.policy).Statement : s if s.Sid == "PlainText"][0].Condition.Bool["aws:SecureTransport"] == "false" && length([for s in jsondecode(aws_s3_bucket_policy.artifacts.policy).Statement : s if s.Sid == "PlainText"][0].Resource) == 2
    error_message = "Plain text is refused by artifacts."
  }

  assert {
    condition     = [for s in jsondecode(aws_s3_bucket_policy.artifacts.policy).Statement : s if s.Sid == "OldTLS"][0].Effect == "Deny" && [for s in jsondecode(aws_s3_bucket_policy.artifacts.policy).Statement : s if s.Sid == "OldTLS"][0].Condition.NumericLessThan["s3:TlsVersion"] == "1.2"
    error_message = "Old TLS is refused by artifacts."
  }

  assert {
    condition     = aws_s3_bucket_public_access_block.logs.block_public_acls && aws_s3_bucket_public_access_block.logs.block_public_policy && aws_s3_bucket_public_access_block.logs.ignore_public_acls && aws_s3_bucket_public_access_block.logs.restrict_public_buckets
    error_message = "The bucket logs is private."
  }

  assert {
    condition     = aws_s3_bucket_ownership_controls.logs.rule[0].object_ownership == "BucketOwnerEnforced"
    error_message = "The bucket logs has no ACLs."
  }

  assert {
    condition     = aws_s3_bucket_versioning.logs.versioning_configuration[0].status == "Enabled"
    error_message = "The bucket logs keeps versions."
  }

  assert {
    condition     = !aws_s3_bucket.logs.force_destroy
    error_message = "The bucket logs is not deleted with its objects."
  }

  assert {
    condition     = anytrue([for rule in aws_s3_bucket_lifecycle_configuration.logs.rule : try(rule.abort_incomplete_multipart_upload[0].days_after_initiation == 3, false)])
    error_message = "Uploads to logs that broke off are removed."
  }

  assert {
    condition     = [for s in jsondecode(aws_s3_bucket_policy.logs.policy).Statement : s if s.Sid == "PlainText"][0].Effect == "Deny" && [for s in jsondecode(aws_s3_bucket_policy.logs.policy).Statement : s if s.Sid == "PlainText"][0].Condition.Bool["aws:SecureTransport"] == "false" && length([for s in jsondecode(aws_s3_bucket_policy.logs.policy).Statement : s if s.Sid == "PlainText"][0].Resource) == 2
    error_message = "Plain text is refused by logs."
  }

  assert {
    condition     = [for s in jsondecode(aws_s3_bucket_policy.logs.policy).Statement : s if s.Sid == "OldTLS"][0].Effect == "Deny" && [for s in jsondecode(aws_s3_bucket_policy.logs.policy).Statement : s if s.Sid == "OldTLS"][0].Condition.NumericLessThan["s3:TlsVersion"] == "1.2"
    error_message = "Old TLS is refused by logs."
  }

  assert {
    condition     = one(aws_s3_bucket_server_side_encryption_configuration.artifacts.rule).apply_server_side_encryption_by_default[0].sse_algorithm == "aws:kms" && one(aws_s3_bucket_server_side_encryption_configuration.artifacts.rule).bucket_key_enabled
    error_message = "Artifacts are encrypted by the key."
  }

  assert {
    condition     = one(aws_s3_bucket_server_side_encryption_configuration.logs.rule).apply_server_side_encryption_by_default[0].sse_algorithm == "AES256"
    error_message = "Logs are encrypted."
  }

  assert {
    condition     = [for s in jsondecode(aws_s3_bucket_policy.artifacts.policy).Statement : s if s.Sid == "OtherKey"][0].Effect == "Deny" && [for s in jsondecode(aws_s3_bucket_policy.artifacts.policy).Statement : s if s.Sid == "OtherKey"][0].Condition.StringNotEquals["s3:x-amz-server-side-encryption-aws-kms-key-id"] == aws_kms_key.this.arn
    error_message = "Another key is refused."
  }

  assert {
    condition     = [for s in jsondecode(aws_s3_bucket_policy.artifacts.policy).Statement : s if s.Sid == "OtherEncryption"][0].Condition.StringNotEquals["s3:x-amz-server-side-encryption"] == "aws:kms"
    error_message = "Other encryption is refused."
  }

  assert {
    condition     = aws_s3_bucket_logging.artifacts.target_bucket == aws_s3_bucket.logs.id
    error_message = "Access to artifacts is logged."
  }

  assert {
    condition     = [for s in jsondecode(aws_s3_bucket_policy.logs.policy).Statement : s.Condition.StringEquals["aws:SourceAccount"] if s.Sid == "Delivery"] == ["123456789012"]
    error_message = "S3 delivers logs of this account alone."
  }

  assert {
    condition     = aws_kms_key.this.enable_key_rotation && aws_kms_key.this.deletion_window_in_days == 30
    error_message = "The key is rotated, and can be kept from deletion."
  }

  assert {
    condition     = alltrue([for s in jsondecode(aws_kms_key.this.policy).Statement : s.Condition.StringEquals["kms:CallerAccount"] == "123456789012" && length(s.Condition.ArnEquals["aws:PrincipalArn"]) == 3 if contains(["Disks", "Grants"], s.Sid)])
    error_message = "AWS uses the key for hosts' disks by three roles of this account."
  }

  assert {
    condition     = [for s in jsondecode(aws_kms_key.this.policy).Statement : s.Condition.ArnLike["kms:EncryptionContext:aws:logs:arn"] if s.Sid == "Logs"] == [["arn:aws:logs:eu-central-1:123456789012:log-group:/gensweep/gensweep/*", "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/rds/instance/gensweep/*"]]
    error_message = "CloudWatch uses the key for this cluster's logs alone."
  }

  assert {
    condition     = aws_cloudwatch_log_group.hosts.kms_key_id == aws_kms_key.this.arn && aws_cloudwatch_log_group.hosts.retention_in_days == 365
    error_message = "Hosts' logs are encrypted, and kept for a year."
  }

  assert {
    condition     = aws_s3_object.bundle.source_hash == filesha256(var.bundle) && output.bundle.sha256 == filesha256(var.bundle)
    error_message = "Hosts learn the bundle's hash."
  }
}

run "for_a_test" {
  command = plan

  module {
    source = "./modules/storage"
  }

  variables {
    force_destroy = true
  }

  assert {
    condition     = aws_s3_bucket.artifacts.force_destroy && aws_s3_bucket.logs.force_destroy
    error_message = "A cluster for tests goes with its objects."
  }
}

run "refuses" {
  command = plan

  module {
    source = "./modules/storage"
  }

  variables {
    cluster       = { name = "gensweep", account = "123456789012", partition = "aws", region = "eu-central-1", tags = {} }
    log_days      = 30
    bundle        = "missing.tar.gz"
    undelete_days = 0.5
  }

  expect_failures = [
    var.cluster,
    var.log_days,
    var.bundle,
    var.undelete_days,
  ]
}
