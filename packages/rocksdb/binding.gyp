# How node-gyp builds the addon. Nothing is downloaded: RocksDB is the system's.
{
  "targets": [
    {
      "target_name": "kept_rocksdb",
      "sources": [
        "<!@(node scripts/native-flags.js sources)"
      ],
      "cflags_cc": ["-std=c++20", "-fno-exceptions", "-fno-rtti", "-O2", "-Wall", "-Wextra",
                    "<!@(node scripts/native-flags.js cflags)"],
      "cflags_cc!": ["-std=gnu++17", "-std=gnu++20", "-O3"],
      "ldflags": ["-Wl,-z,now"],
      "libraries": ["<!@(node scripts/native-flags.js libs)"],
      "conditions": [
        ["OS=='mac'", {
          "xcode_settings": {
            "CLANG_CXX_LANGUAGE_STANDARD": "c++20",
            "CLANG_CXX_LIBRARY": "libc++",
            "GCC_ENABLE_CPP_EXCEPTIONS": "NO",
            "GCC_ENABLE_CPP_RTTI": "NO",
            "MACOSX_DEPLOYMENT_TARGET": "12.0",
            "OTHER_CPLUSPLUSFLAGS": ["-Wall", "-Wextra",
                                     "<!@(node scripts/native-flags.js cflags)"]
          }
        }]
      ]
    }
  ]
}
