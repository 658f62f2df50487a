output "script" {
  description = "The start-up script, to be run once by root: by cloud-init as user-data, or by hand."
  value       = local.script

  precondition {
    condition     = length(base64encode(local.script)) <= 16384 * 4 / 3
    error_message = "The start-up script has ${length(local.script)} characters; user-data holds 16384 bytes. Use fewer or shorter pools."
  }
}
