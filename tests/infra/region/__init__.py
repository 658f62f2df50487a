"""A cloud region on this machine: hosts with systemd of their own, in network namespaces.

AWS is moto; a host boots what its launch template says, as a real instance would.
"""
