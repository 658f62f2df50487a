output "queue" {
  description = "The queue of notices: its URL and ARN."
  value       = { url = aws_sqs_queue.this.url, arn = aws_sqs_queue.this.arn }
}

output "rule_arns" {
  description = "ARNs of the rules that fill the queue."
  value       = [for rule in aws_cloudwatch_event_rule.this : rule.arn]
}
