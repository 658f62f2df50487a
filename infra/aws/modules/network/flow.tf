# Every connection, accepted or refused, is written down.

resource "aws_cloudwatch_log_group" "flow" {
  name              = "/gensweep/${local.name}/flow"
  kms_key_id        = var.key_arn
  retention_in_days = var.log_days
  tags              = var.cluster.tags
}

resource "aws_iam_role" "flow" {
  name                 = "${local.name}-flow"
  description          = "Writes the flow logs of ${local.name}"
  permissions_boundary = var.boundary
  tags                 = var.cluster.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "vpc-flow-logs.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = var.cluster.account } }
    }]
  })
}

resource "aws_iam_role_policy" "flow" {
  name = "write"
  role = aws_iam_role.flow.name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Write"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
        Resource = ["${aws_cloudwatch_log_group.flow.arn}:*"]
      },
      {
        Sid      = "Find"
        Effect   = "Allow"
        Action   = ["logs:DescribeLogGroups"]
        Resource = "*"
      },
    ]
  })
}

resource "aws_flow_log" "this" {
  vpc_id                   = aws_vpc.this.id
  traffic_type             = "ALL"
  log_destination          = aws_cloudwatch_log_group.flow.arn
  iam_role_arn             = aws_iam_role.flow.arn
  max_aggregation_interval = 60
  tags                     = merge(var.cluster.tags, { Name = local.name })
}
