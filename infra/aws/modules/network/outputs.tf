output "vpc_id" {
  description = "The VPC."
  value       = aws_vpc.this.id
}

output "subnets" {
  description = "The private subnet of each zone."
  value       = { for zone, subnet in aws_subnet.private : zone => subnet.id }
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
