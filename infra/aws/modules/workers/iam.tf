# A worker runs what people submit: it holds no right on EC2 or IAM.

resource "aws_iam_role" "this" {
  name                 = "${var.cluster.name}-worker"
  description          = "The workers of ${var.cluster.name}"
  permissions_boundary = var.boundary
  tags                 = var.cluster.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ec2.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_instance_profile" "this" {
  name = "${var.cluster.name}-worker"
  role = aws_iam_role.this.name
  tags = var.cluster.tags
}

resource "aws_iam_role_policy_attachment" "this" {
  for_each   = var.policies
  role       = aws_iam_role.this.name
  policy_arn = each.value
}
