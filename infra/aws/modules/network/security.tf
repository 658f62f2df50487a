# Who may open a connection to whom. From outside nobody may: people come through Session Manager,
# whose agent calls out. DNS, time and metadata need no rule: security groups do not filter them.

locals {
  groups = {
    cluster   = "Head and workers: Ray, and EFA, among themselves"
    head      = "The head: also MLflow and the database"
    tracking  = "The MLflow server"
    database  = "PostgreSQL"
    endpoints = "Interface endpoints of AWS services"
  }
  cluster   = aws_security_group.this["cluster"].id
  head      = aws_security_group.this["head"].id
  tracking  = aws_security_group.this["tracking"].id
  callers   = { cluster = local.cluster, tracking = local.tracking }
  databases = { head = local.head, tracking = local.tracking }
}

resource "aws_default_security_group" "closed" {
  vpc_id  = aws_vpc.this.id
  ingress = []
  egress  = []
  tags    = merge(var.cluster.tags, { Name = "${local.name}-closed" })
}

resource "aws_security_group" "this" {
  #checkov:skip=CKV2_AWS_5:Attached to hosts, database and endpoints by modules beside this one.
  for_each    = local.groups
  name        = "${local.name}-${each.key}"
  description = each.value
  vpc_id      = aws_vpc.this.id
  tags        = merge(var.cluster.tags, { Name = "${local.name}-${each.key}" })
}

# EFA asks for both directions, of every protocol, with the group itself as the other end.
resource "aws_vpc_security_group_ingress_rule" "cluster" {
  security_group_id            = local.cluster
  referenced_security_group_id = local.cluster
  description                  = "Ray and EFA, among the hosts of the cluster"
  ip_protocol                  = "-1"
  tags                         = var.cluster.tags
}

resource "aws_vpc_security_group_egress_rule" "cluster" {
  security_group_id            = local.cluster
  referenced_security_group_id = local.cluster
  description                  = "Ray and EFA, among the hosts of the cluster"
  ip_protocol                  = "-1"
  tags                         = var.cluster.tags
}

resource "aws_vpc_security_group_egress_rule" "https" {
  for_each          = local.callers
  security_group_id = each.value
  description       = "AWS services and package indexes"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  tags              = var.cluster.tags
}

resource "aws_vpc_security_group_egress_rule" "tracking" {
  security_group_id            = local.head
  referenced_security_group_id = local.tracking
  description                  = "To the MLflow server"
  ip_protocol                  = "tcp"
  from_port                    = 5000
  to_port                      = 5000
  tags                         = var.cluster.tags
}

resource "aws_vpc_security_group_ingress_rule" "tracking" {
  security_group_id            = local.tracking
  referenced_security_group_id = local.head
  description                  = "MLflow, for the head"
  ip_protocol                  = "tcp"
  from_port                    = 5000
  to_port                      = 5000
  tags                         = var.cluster.tags
}

resource "aws_vpc_security_group_egress_rule" "database" {
  for_each                     = local.databases
  security_group_id            = each.value
  referenced_security_group_id = aws_security_group.this["database"].id
  description                  = "To the database"
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
  tags                         = var.cluster.tags
}

resource "aws_vpc_security_group_ingress_rule" "database" {
  for_each                     = local.databases
  security_group_id            = aws_security_group.this["database"].id
  referenced_security_group_id = each.value
  description                  = "PostgreSQL, for the ${each.key}"
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
  tags                         = var.cluster.tags
}

resource "aws_vpc_security_group_ingress_rule" "endpoints" {
  for_each                     = local.callers
  security_group_id            = aws_security_group.this["endpoints"].id
  referenced_security_group_id = each.value
  description                  = "AWS services, for the ${each.key}"
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  tags                         = var.cluster.tags
}
