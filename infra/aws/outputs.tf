locals {
  session = { for host, group in { head = module.head.group, tracking = module.tracking.group } : host => join(" ", [
    "aws ssm start-session --region ${local.cluster.region}",
    "--target \"$(aws autoscaling describe-auto-scaling-groups --region ${local.cluster.region} --auto-scaling-group-names ${group}",
    "--query 'AutoScalingGroups[0].Instances[0].InstanceId' --output text)\"",
  ]) }
  forward = "--document-name AWS-StartPortForwardingSession --parameters"
}

output "dashboard_command" {
  description = "Makes http://127.0.0.1:8265 the cluster's dashboard and the address of `ray job submit`."
  value       = "${local.session.head} ${local.forward} portNumber=8265,localPortNumber=8265"
}

output "mlflow_command" {
  description = "Makes http://127.0.0.1:5000 the MLflow server."
  value       = "${local.session.tracking} ${local.forward} portNumber=5000,localPortNumber=5000"
}

output "token_command" {
  description = "Prints the token that Ray asks for: export it as RAY_AUTH_TOKEN."
  value       = "aws secretsmanager get-secret-value --region ${local.cluster.region} --secret-id ${module.secrets.arns.token} --query SecretString --output text"
}

output "password_command" {
  description = "Prints the name and password of MLflow's administrator, who sees all experiments."
  value       = "aws secretsmanager get-secret-value --region ${local.cluster.region} --secret-id ${module.secrets.arns.mlflow_admin} --query SecretString --output text"
}

output "shell_commands" {
  description = "Open a shell on the head and on the tracking server."
  value       = local.session
}

output "replace_commands" {
  description = "Replace the head or the tracking server by one from the newest launch template, after an upgrade."
  value = { for host, group in { head = module.head.group, tracking = module.tracking.group } :
    host => "aws autoscaling start-instance-refresh --region ${local.cluster.region} --auto-scaling-group-name ${group} --preferences MinHealthyPercentage=0"
  }
}

output "buckets" {
  description = "Names of the buckets: artifacts, and logs of access to them."
  value       = { artifacts = module.storage.artifacts.name, logs = module.storage.logs.name }
}

output "queue_url" {
  description = "The queue of what EC2 announces."
  value       = module.events.queue.url
}

output "zone" {
  description = "The private DNS zone: id, name and ARN."
  value       = module.network.zone
}

output "subnets" {
  description = "The private subnet of each zone."
  value       = module.network.subnets
}

output "pools" {
  description = "The pools of workers, with their launch templates."
  value       = module.workers.pools
}

output "autoscaler" {
  description = "The configuration of Ray's autoscaler, as the head gets it."
  value       = module.head.autoscaler
}

output "roles" {
  description = "ARNs of the roles by host."
  value       = { head = module.head.role.arn, tracking = module.tracking.role.arn, worker = module.workers.role.arn }
}

output "stop_policy_arn" {
  description = "The policy that keeps the head from starting instances: attach it to the head's role to stop spending by hand."
  value       = module.budget.stop_policy_arn
}

output "database" {
  description = "The database of ledgers: host:port/name, the user who keeps them and the ARN of its secret; null without one."
  value       = module.tracking.ledger
}
