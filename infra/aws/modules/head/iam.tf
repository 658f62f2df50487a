# What the head may do: start workers from the cluster's own templates, and end the cluster's workers.

locals {
  ec2       = "arn:${var.cluster.partition}:ec2:${var.cluster.region}:${var.cluster.account}"
  public    = "arn:${var.cluster.partition}:ec2:${var.cluster.region}:"
  roles     = "arn:${var.cluster.partition}:iam::${var.cluster.account}:role/aws-service-role"
  templates = [for pool in var.pools : pool.launch_template_arn]
  subnets   = distinct(flatten([for pool in var.pools : [for id in pool.subnet_ids : "${local.ec2}:subnet/${id}"]]))
  groups    = [for id in var.workers.security_group_ids : "${local.ec2}:security-group/${id}"]
  places    = concat(local.subnets, var.workers.placement_group_arns)
  tagged    = { "aws:RequestTag/gensweep:cluster" = var.cluster.name }
  worker    = { "aws:ResourceTag/gensweep:cluster" = var.cluster.name, "aws:ResourceTag/gensweep:role" = "worker" }
  template  = { ArnEquals = { "ec2:LaunchTemplate" = local.templates } }
}

resource "aws_iam_role_policy" "workers" {
  count = length(var.pools) > 0 ? 1 : 0
  name  = "workers"
  role  = module.host.role.name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Fleet"
        Effect   = "Allow"
        Action   = ["ec2:CreateFleet"]
        Resource = concat(["${local.ec2}:fleet/*", "${local.ec2}:volume/*", "${local.public}:image/*"], local.templates, local.places)
      },
      {
        Sid       = "FleetInstances"
        Effect    = "Allow"
        Action    = ["ec2:CreateFleet"]
        Resource  = ["${local.ec2}:instance/*"]
        Condition = { StringEquals = local.tagged }
      },
      {
        Sid       = "Instances"
        Effect    = "Allow"
        Action    = ["ec2:RunInstances"]
        Resource  = ["${local.ec2}:instance/*"]
        Condition = merge(local.template, { StringEquals = local.tagged })
      },
      {
        Sid       = "OfInstances"
        Effect    = "Allow"
        Action    = ["ec2:RunInstances"]
        Resource  = concat(["${local.ec2}:network-interface/*", "${local.ec2}:volume/*"], local.places, local.groups)
        Condition = local.template
      },
      {
        Sid       = "Images"
        Effect    = "Allow"
        Action    = ["ec2:RunInstances"]
        Resource  = ["${local.public}:image/*", "${local.public}:snapshot/*"]
        Condition = merge(local.template, { Bool = { "ec2:IsLaunchTemplateResource" = "true" } })
      },
      {
        Sid      = "Templates"
        Effect   = "Allow"
        Action   = ["ec2:RunInstances"]
        Resource = concat(local.templates, ["${local.ec2}:spot-instances-request/*"])
      },
      {
        Sid       = "TagAtLaunch"
        Effect    = "Allow"
        Action    = ["ec2:CreateTags"]
        Resource  = [for kind in ["fleet", "instance", "network-interface", "spot-instances-request", "volume"] : "${local.ec2}:${kind}/*"]
        Condition = { StringEquals = { "ec2:CreateAction" = ["CreateFleet", "RunInstances"] } }
      },
      {
        Sid      = "TagWorkers"
        Effect   = "Allow"
        Action   = ["ec2:CreateTags"]
        Resource = ["${local.ec2}:instance/*"]
        Condition = {
          "ForAllValues:StringLike" = { "aws:TagKeys" = ["ray-*"] }
          StringEquals              = local.worker
        }
      },
      {
        Sid       = "EndWorkers"
        Effect    = "Allow"
        Action    = ["ec2:TerminateInstances"]
        Resource  = ["${local.ec2}:instance/*"]
        Condition = { StringEquals = local.worker }
      },
      {
        Sid       = "WorkersRole"
        Effect    = "Allow"
        Action    = ["iam:PassRole"]
        Resource  = [var.workers.role_arn]
        Condition = { StringEquals = { "iam:PassedToService" = "ec2.amazonaws.com" } }
      },
      {
        Sid       = "FirstSpot"
        Effect    = "Allow"
        Action    = ["iam:CreateServiceLinkedRole"]
        Resource  = ["${local.roles}/ec2fleet.amazonaws.com/AWSServiceRoleForEC2Fleet", "${local.roles}/spot.amazonaws.com/AWSServiceRoleForEC2Spot"]
        Condition = { StringEquals = { "iam:AWSServiceName" = ["ec2fleet.amazonaws.com", "spot.amazonaws.com"] } }
      },
    ]
  })
}

resource "aws_iam_role_policy" "notices" {
  name = "notices"
  role = module.host.role.name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      {
        Sid      = "Notices"
        Effect   = "Allow"
        Action   = ["sqs:DeleteMessage", "sqs:ReceiveMessage"]
        Resource = [var.queue.arn]
      },
      {
        Sid      = "Look"
        Effect   = "Allow"
        Action   = ["ec2:DescribeInstances"]
        Resource = "*"
      },
      ], var.database == null ? [] : [{
        Sid      = "Ledger"
        Effect   = "Allow"
        Action   = ["secretsmanager:GetSecretValue"]
        Resource = [var.database.secret]
    }])
  })
}
