# The way out, where one is wanted. Nothing but the NAT gateways is in a public subnet.

resource "aws_internet_gateway" "this" {
  count  = var.nat == "none" ? 0 : 1
  vpc_id = aws_vpc.this.id
  tags   = merge(var.cluster.tags, { Name = local.name })
}

resource "aws_subnet" "public" {
  for_each                = toset(local.nat_zones)
  vpc_id                  = aws_vpc.this.id
  availability_zone       = each.key
  cidr_block              = cidrsubnet(var.cidr, 8, 240 + local.position[each.key])
  map_public_ip_on_launch = false
  tags                    = merge(var.cluster.tags, { Name = "${local.name}-public-${each.key}" })
}

resource "aws_route_table" "public" {
  count  = var.nat == "none" ? 0 : 1
  vpc_id = aws_vpc.this.id
  tags   = merge(var.cluster.tags, { Name = "${local.name}-public" })
}

resource "aws_route" "internet" {
  count                  = var.nat == "none" ? 0 : 1
  route_table_id         = aws_route_table.public[0].id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this[0].id
}

resource "aws_route_table_association" "public" {
  for_each       = aws_subnet.public
  subnet_id      = each.value.id
  route_table_id = aws_route_table.public[0].id
}

resource "aws_eip" "nat" {
  #checkov:skip=CKV2_AWS_19:These addresses belong to NAT gateways, not to instances.
  for_each = toset(local.nat_zones)
  domain   = "vpc"
  tags     = merge(var.cluster.tags, { Name = "${local.name}-nat-${each.key}" })
}

resource "aws_nat_gateway" "this" {
  for_each      = toset(local.nat_zones)
  allocation_id = aws_eip.nat[each.key].id
  subnet_id     = aws_subnet.public[each.key].id
  tags          = merge(var.cluster.tags, { Name = "${local.name}-${each.key}" })
  depends_on    = [aws_internet_gateway.this]
}

resource "aws_route" "nat" {
  for_each               = var.nat == "none" ? {} : local.position
  route_table_id         = aws_route_table.private[each.key].id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.this[var.nat == "zone" ? each.key : var.zones[0]].id
}
