output "stop_policy_arn" {
  description = "The policy that keeps the head from starting instances."
  value       = aws_iam_policy.stop.arn
}
