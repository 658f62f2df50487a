# Money: people hear of half and of most of the budget; when it is spent, the head starts no instance.

locals {
  name = "${var.cluster.name}-budget"
  stop = try(var.limit.stop, false)
}

resource "aws_budgets_budget" "this" {
  count        = var.limit == null ? 0 : 1
  name         = local.name
  budget_type  = "COST"
  time_unit    = "MONTHLY"
  limit_amount = tostring(var.limit.usd)
  limit_unit   = "USD"
  tags         = var.cluster.tags

  dynamic "cost_filter" {
    for_each = var.limit.scope == "cluster" ? [join("$", ["user:gensweep:cluster", var.cluster.name])] : []

    content {
      name   = "TagKeyValue"
      values = [cost_filter.value]
    }
  }

  dynamic "notification" {
    for_each = { "50" = "ACTUAL", "80" = "ACTUAL", "100" = "FORECASTED" }

    content {
      comparison_operator        = "GREATER_THAN"
      notification_type          = notification.value
      threshold                  = tonumber(notification.key)
      threshold_type             = "PERCENTAGE"
      subscriber_email_addresses = var.limit.emails
    }
  }
}

resource "aws_budgets_budget_action" "stop" {
  count              = local.stop ? 1 : 0
  budget_name        = aws_budgets_budget.this[0].name
  action_type        = "APPLY_IAM_POLICY"
  approval_model     = "AUTOMATIC"
  notification_type  = "ACTUAL"
  execution_role_arn = aws_iam_role.budget[0].arn
  tags               = var.cluster.tags

  action_threshold {
    action_threshold_type  = "PERCENTAGE"
    action_threshold_value = 100
  }

  definition {
    iam_action_definition {
      policy_arn = aws_iam_policy.stop.arn
      roles      = [var.head_role.name]
    }
  }

  dynamic "subscriber" {
    for_each = var.limit.emails

    content {
      subscription_type = "EMAIL"
      address           = subscriber.value
    }
  }
}
