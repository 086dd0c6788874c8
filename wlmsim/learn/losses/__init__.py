"""How a predicted cloud is compared with an observed one."""
