# What EC2 announces about instances, in a queue that the head's drainer reads.

locals {
  name = "${var.cluster.name}-events"
  arn  = "arn:${var.cluster.partition}:sqs:${var.cluster.region}:${var.cluster.account}:${local.name}"
  notices = {
    interruption = { source = ["aws.ec2"], detail-type = ["EC2 Spot Instance Interruption Warning"] }
    rebalance    = { source = ["aws.ec2"], detail-type = ["EC2 Instance Rebalance Recommendation"] }
    state = {
      source      = ["aws.ec2"]
      detail-type = ["EC2 Instance State-change Notification"]
      detail      = { state = ["shutting-down", "stopping", "stopped", "terminated"] }
    }
    maintenance = {
      source      = ["aws.health"]
      detail-type = ["AWS Health Event"]
      detail      = { service = ["EC2"], eventTypeCategory = ["scheduledChange"] }
    }
  }
}

resource "aws_sqs_queue" "dead" {
  name                      = "${local.name}-dead"
  sqs_managed_sse_enabled   = true
  message_retention_seconds = 1209600
  tags                      = var.cluster.tags
}

# A notice is worth something for two minutes: an hour is for looking at what went wrong. A drainer
# that fails for some minutes must not send it to the dead letters.
resource "aws_sqs_queue" "this" {
  name                       = local.name
  sqs_managed_sse_enabled    = true
  message_retention_seconds  = 3600
  receive_wait_time_seconds  = 20
  visibility_timeout_seconds = 30
  tags                       = var.cluster.tags

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead.arn
    maxReceiveCount     = 20
  })

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "Notices"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = local.arn
        Condition = { ArnEquals = { "aws:SourceArn" = [for rule in aws_cloudwatch_event_rule.this : rule.arn] } }
      },
      {
        Sid       = "PlainText"
        Effect    = "Deny"
        Principal = { AWS = "*" }
        Action    = "sqs:*"
        Resource  = local.arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}

resource "aws_cloudwatch_event_rule" "this" {
  for_each      = local.notices
  name          = "${var.cluster.name}-${each.key}"
  description   = "${each.value.detail-type[0]}, for the drainer of ${var.cluster.name}"
  event_pattern = jsonencode(each.value)
  tags          = var.cluster.tags
}

resource "aws_cloudwatch_event_target" "this" {
  for_each = local.notices
  rule     = aws_cloudwatch_event_rule.this[each.key].name
  arn      = aws_sqs_queue.this.arn
}
