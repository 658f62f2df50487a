output "key_arn" {
  description = "The key that encrypts all that is kept."
  value       = aws_kms_key.this.arn
}

output "artifacts" {
  description = "The bucket of sweeps, of MLflow's artifacts and of the bundle: name and ARN."
  value       = { name = aws_s3_bucket.artifacts.id, arn = aws_s3_bucket.artifacts.arn }
}

output "logs" {
  description = "The bucket of access logs: name and ARN."
  value       = { name = aws_s3_bucket.logs.id, arn = aws_s3_bucket.logs.arn }
}

output "bundle" {
  description = "What hosts install from: its address, version and SHA-256."
  value = {
    url     = "s3://${aws_s3_bucket.artifacts.id}/${aws_s3_object.bundle.key}"
    version = aws_s3_object.bundle.version_id
    sha256  = aws_s3_object.bundle.source_hash
  }
}

output "log_group" {
  description = "The log group of the hosts: name and ARN."
  value       = { name = aws_cloudwatch_log_group.hosts.name, arn = aws_cloudwatch_log_group.hosts.arn }
}
