module github.com/easgate/easgate/tools/jsbundle

go 1.26.0

require github.com/evanw/esbuild v0.25.0

require golang.org/x/sys v0.0.0-20220715151400-c0bba94af5f8 // indirect
