# The policy that stops spending, which anyone in charge can attach by hand too, and the role that attaches it.

resource "aws_iam_policy" "stop" {
  name        = "${var.cluster.name}-stop"
  description = "Takes from the head of ${var.cluster.name} the right to start instances"
  tags        = var.cluster.tags

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "Stop"
      Effect   = "Deny"
      Action   = ["ec2:CreateFleet", "ec2:RequestSpotFleet", "ec2:RequestSpotInstances", "ec2:RunInstances", "ec2:StartInstances"]
      Resource = "*"
    }]
  })
}

resource "aws_iam_role" "budget" {
  count                = local.stop ? 1 : 0
  name                 = local.name
  description          = "Attaches the policy that stops spending to the head of ${var.cluster.name}"
  permissions_boundary = var.boundary
  tags                 = var.cluster.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "budgets.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = var.cluster.account } }
    }]
  })
}

resource "aws_iam_role_policy" "budget" {
  count = local.stop ? 1 : 0
  name  = "stop"
  role  = aws_iam_role.budget[0].name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Stop"
      Effect    = "Allow"
      Action    = ["iam:AttachRolePolicy", "iam:DetachRolePolicy"]
      Resource  = [var.head_role.arn]
      Condition = { ArnEquals = { "iam:PolicyARN" = aws_iam_policy.stop.arn } }
    }]
  })
}
