output "vpc_id" {
  description = "The VPC."
  value       = aws_vpc.this.id
}

output "subnets" {
  description = "The private subnet of each zone."
  value       = { for zone, subnet in aws_subnet.private : zone => subnet.id }
  # Who lives there calls AWS at once: the ways out come first.
  depends_on = [
    aws_route.internet, aws_route.nat, aws_route_table_association.private, aws_route_table_association.public,
    aws_vpc_endpoint.names, aws_vpc_endpoint.s3, aws_vpc_endpoint.service,
    aws_vpc_security_group_egress_rule.cluster, aws_vpc_security_group_egress_rule.https, aws_vpc_security_group_egress_rule.tracking, aws_vpc_security_group_ingress_rule.endpoints,
  ]
}

output "security_groups" {
  description = "Ids of the security groups by what they are for."
  value       = { for name, group in aws_security_group.this : name => group.id }
}

output "zone" {
  description = "The private DNS zone: its id, name and ARN."
  value = {
    id   = aws_route53_zone.private.zone_id
    name = aws_route53_zone.private.name
    arn  = aws_route53_zone.private.arn
  }
}
