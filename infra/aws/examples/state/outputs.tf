output "bucket" {
  description = "Name of the bucket, for backend.hcl."
  value       = aws_s3_bucket.state.id
}
