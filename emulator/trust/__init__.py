"""What a workspace may not decide alone: which credentials, files and variables of the user its containers get."""
