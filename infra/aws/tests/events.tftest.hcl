mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  cluster = {
    name      = "gensweep"
    account   = "123456789012"
    partition = "aws"
    region    = "eu-central-1"
    tags      = { "gensweep:cluster" = "gensweep" }
  }
}

run "events" {
  command = plan

  module {
    source = "./modules/events"
  }

  assert {
    condition     = aws_sqs_queue.this.sqs_managed_sse_enabled && aws_sqs_queue.dead.sqs_managed_sse_enabled
    error_message = "Queues are encrypted."
  }

  assert {
    condition     = jsondecode(aws_sqs_queue.this.redrive_policy).maxReceiveCount == 20
    error_message = "What nobody understands goes to the dead letters, but not within ten minutes."
  }

  assert {
    condition     = [for s in jsondecode(aws_sqs_queue.this.policy).Statement : s.Effect if try(s.Condition.Bool["aws:SecureTransport"], "") == "false"] == ["Deny"]
    error_message = "Plain text is refused."
  }

  assert {
    condition     = [for s in jsondecode(aws_sqs_queue.this.policy).Statement : s.Principal if s.Effect == "Allow"] == [{ Service = "events.amazonaws.com" }] && alltrue([for s in jsondecode(aws_sqs_queue.this.policy).Statement : length(s.Condition.ArnEquals["aws:SourceArn"]) == 4 if s.Effect == "Allow"])
    error_message = "The cluster's rules alone write to the queue."
  }

  assert {
    condition     = toset([for rule in aws_cloudwatch_event_rule.this : jsondecode(rule.event_pattern)["detail-type"][0]]) == toset(["EC2 Spot Instance Interruption Warning", "EC2 Instance Rebalance Recommendation", "EC2 Instance State-change Notification", "AWS Health Event"])
    error_message = "The drainer hears of all that ends instances."
  }
}

run "refuses" {
  command = plan

  module {
    source = "./modules/events"
  }

  variables {
    cluster = { name = "gensweep", account = "123456789012", partition = "aws", region = "eu-central-1", tags = {} }
  }

  expect_failures = [
    var.cluster,
  ]
}
