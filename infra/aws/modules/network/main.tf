# A VPC whose hosts have private addresses alone, and the private zone in which they find each other.

locals {
  name      = var.cluster.name
  position  = { for index, zone in var.zones : zone => index }
  nat_zones = { none = [], single = [var.zones[0]], zone = var.zones }[var.nat]
}

resource "aws_vpc" "this" {
  cidr_block           = var.cidr
  enable_dns_support   = true
  enable_dns_hostnames = true
  tags                 = merge(var.cluster.tags, { Name = local.name })
}

resource "aws_subnet" "private" {
  for_each                = local.position
  vpc_id                  = aws_vpc.this.id
  availability_zone       = each.key
  cidr_block              = cidrsubnet(var.cidr, 4, each.value)
  map_public_ip_on_launch = false
  tags                    = merge(var.cluster.tags, { Name = "${local.name}-private-${each.key}" })
}

resource "aws_route_table" "private" {
  for_each = local.position
  vpc_id   = aws_vpc.this.id
  tags     = merge(var.cluster.tags, { Name = "${local.name}-private-${each.key}" })
}

resource "aws_route_table_association" "private" {
  for_each       = local.position
  subnet_id      = aws_subnet.private[each.key].id
  route_table_id = aws_route_table.private[each.key].id
}

resource "aws_route53_zone" "private" {
  #checkov:skip=CKV2_AWS_38:A private zone cannot be signed by DNSSEC.
  #checkov:skip=CKV2_AWS_39:Query logs exist for public zones alone.
  name          = "${local.name}.internal"
  comment       = "Where the hosts of ${local.name} find each other"
  force_destroy = true
  tags          = var.cluster.tags

  vpc {
    vpc_id = aws_vpc.this.id
  }

  lifecycle {
    ignore_changes = [vpc]
  }
}
