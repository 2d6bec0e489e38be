s/(pid|parent)=[0-9]+/\1=N/g
s/after .*/after N/
