"""Cloud stores and SFTP servers, each accessed through its own module of fsspec."""
