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
  boundary  = "arn:aws:iam::123456789012:policy/gensweep-boundary"
  limit     = { usd = 200, emails = ["someone@example.org"], scope = "account", stop = true }
  nightly   = { stop = "0 20 * * *", start = "0 6 * * 1-5", time_zone = "Europe/Berlin" }
  groups    = { head = "gensweep-head", tracking = "gensweep-tracking" }
  head_role = { name = "gensweep-head", arn = "arn:aws:iam::123456789012:role/gensweep-head" }
}

run "budget" {
  command = plan

  module {
    source = "./modules/budget"
  }

  assert {
    condition     = aws_budgets_budget.this[0].limit_amount == "200" && aws_budgets_budget.this[0].time_unit == "MONTHLY" && length(aws_budgets_budget.this[0].cost_filter) == 0
    error_message = "The budget is the account's, a month's."
  }

  assert {
    condition     = length(aws_budgets_budget.this[0].notification) == 3
    error_message = "People hear of it three times."
  }

  assert {
    condition     = aws_budgets_budget_action.stop[0].approval_model == "AUTOMATIC" && aws_budgets_budget_action.stop[0].notification_type == "ACTUAL" && aws_budgets_budget_action.stop[0].action_threshold[0].action_threshold_value == 100
    error_message = "The stop waits for nobody."
  }

  assert {
    condition     = aws_budgets_budget_action.stop[0].definition[0].iam_action_definition[0].roles == toset(["gensweep-head"]) && aws_budgets_budget_action.stop[0].definition[0].iam_action_definition[0].policy_arn == aws_iam_policy.stop.arn
    error_message = "The stop is for the head."
  }

  assert {
    condition     = alltrue([for s in jsondecode(aws_iam_policy.stop.policy).Statement : s.Effect == "Deny" && contains(s.Action, "ec2:RunInstances") && contains(s.Action, "ec2:CreateFleet") && s.Resource == "*"])
    error_message = "The stop denies every start."
  }

  assert {
    condition     = aws_iam_role.budget[0].permissions_boundary == var.boundary && jsondecode(aws_iam_role.budget[0].assume_role_policy).Statement[0].Condition.StringEquals["aws:SourceAccount"] == "123456789012"
    error_message = "The budget's role is bounded, and this account's."
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.budget[0].policy).Statement[0].Condition.ArnEquals["iam:PolicyARN"] == aws_iam_policy.stop.arn && jsondecode(aws_iam_role_policy.budget[0].policy).Statement[0].Resource == [var.head_role.arn]
    error_message = "The budget's role attaches the stop to the head, and nothing else."
  }

  assert {
    condition     = aws_autoscaling_schedule.this["head-stop"].desired_capacity == 0 && aws_autoscaling_schedule.this["head-start"].desired_capacity == 1 && aws_autoscaling_schedule.this["head-stop"].recurrence == "0 20 * * *" && aws_autoscaling_schedule.this["head-stop"].time_zone == "Europe/Berlin" && length(aws_autoscaling_schedule.this) == 4
    error_message = "Head and tracking server stop at night."
  }
}

run "of_the_cluster" {
  command = plan

  module {
    source = "./modules/budget"
  }

  variables {
    limit   = { usd = 200, emails = ["someone@example.org"], scope = "cluster", stop = false }
    nightly = null
  }

  assert {
    condition     = one(aws_budgets_budget.this[0].cost_filter).values == tolist(["user:gensweep:cluster$gensweep"])
    error_message = "The budget counts what bears the tag."
  }

  assert {
    condition     = length(aws_budgets_budget_action.stop) == 0 && length(aws_iam_role.budget) == 0
    error_message = "Without a stop nobody can attach it but people."
  }

  assert {
    condition     = length(aws_autoscaling_schedule.this) == 0
    error_message = "Nights are for those who want them."
  }
}

run "none" {
  command = plan

  module {
    source = "./modules/budget"
  }

  variables {
    limit = null
  }

  assert {
    condition     = length(aws_budgets_budget.this) == 0
    error_message = "A budget is for those who want one."
  }
}

run "refuses" {
  command = plan

  module {
    source = "./modules/budget"
  }

  variables {
    cluster   = { name = "gensweep", account = "123456789012", partition = "aws", region = "eu-central-1", tags = {} }
    boundary  = "everyones"
    limit     = { usd = 0, emails = ["someone@example.org"], scope = "account", stop = true }
    nightly   = { stop = "20:00", start = "0 6 * * *", time_zone = "Europe/Berlin" }
    groups    = {}
    head_role = { name = "head", arn = "head" }
  }

  expect_failures = [
    var.cluster,
    var.boundary,
    var.limit,
    var.nightly,
    var.groups,
    var.head_role,
  ]
}

run "refuses_emails" {
  command = plan

  module {
    source = "./modules/budget"
  }

  variables {
    limit = { usd = 200, emails = [], scope = "account", stop = true }
  }

  expect_failures = [
    var.limit,
  ]
}

run "refuses_scope_and_time_zone" {
  command = plan

  module {
    source = "./modules/budget"
  }

  variables {
    limit   = { usd = 200, emails = ["someone@example.org"], scope = "team", stop = true }
    nightly = { stop = "0 20 * * *", start = "0 6 * * *", time_zone = "berlin" }
  }

  expect_failures = [
    var.limit,
    var.nightly,
  ]
}
